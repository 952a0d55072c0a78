export * from "../../src/laws/views.ts";
