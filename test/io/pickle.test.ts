import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readPickle } from "../../src/io/pickle.ts";
import { temporaryFolder } from "../cli/support.ts";

const path = join(temporaryFolder(), "refs.p");
const read = (bytes: Buffer, maxBytes = 2 ** 20) => {
  writeFileSync(path, bytes);
  return readPickle(path, maxBytes);
};
const base64 = (text: string) => Buffer.from(text, "base64");

/** Written by Python 3's pickle.dumps(value, protocol), protocols 0 to 4. */
const PICKLES = [
  "KGxwMAooZHAxClZyZWZfaWQKcDIKSTcKc1ZzcGxpdApwMwpWdGVzdEEKcDQKc1ZuZWcKcDUKSS0zCnNWYmlnCnA2CkwyMTQ3NDgzNjQ4TApzVmYKcDcKRjAuNQpzVm9rCnA4CkkwMQpzVm5vCnA5CkkwMApzVm5vbmUKcDEwCk5zVnQKcDExCihJMQpJMgp0cDEyCnNWdDQKcDEzCihJMQpJMgpJMwpJNAp0cDE0CnNWcwpwMTUKVmNhZukgIngiIFx1NGUyZFx1MDAwYQpwMTYKc1ZhZ2FpbgpwMTcKZzQKc2EobHAxOAphKGRwMTkKYS4=",
  "XXEAKH1xAShYBgAAAHJlZl9pZHECSwdYBQAAAHNwbGl0cQNYBQAAAHRlc3RBcQRYAwAAAG5lZ3EFSv3///9YAwAAAGJpZ3EGTDIxNDc0ODM2NDhMClgBAAAAZnEHRz/gAAAAAAAAWAIAAABva3EISTAxClgCAAAAbm9xCUkwMApYBAAAAG5vbmVxCk5YAQAAAHRxCyhLAUsCdHEMWAIAAAB0NHENKEsBSwJLA0sEdHEOWAEAAABzcQ9YDgAAAGNhZsOpICJ4IiDkuK0KcRBYBQAAAGFnYWlucRFoBHVdcRJ9cRNlLg==",
  "gAJdcQAofXEBKFgGAAAAcmVmX2lkcQJLB1gFAAAAc3BsaXRxA1gFAAAAdGVzdEFxBFgDAAAAbmVncQVK/f///1gDAAAAYmlncQaKBQAAAIAAWAEAAABmcQdHP+AAAAAAAABYAgAAAG9rcQiIWAIAAABub3EJiVgEAAAAbm9uZXEKTlgBAAAAdHELSwFLAoZxDFgCAAAAdDRxDShLAUsCSwNLBHRxDlgBAAAAc3EPWA4AAABjYWbDqSAieCIg5LitCnEQWAUAAABhZ2FpbnERaAR1XXESfXETZS4=",
  "gANdcQAofXEBKFgGAAAAcmVmX2lkcQJLB1gFAAAAc3BsaXRxA1gFAAAAdGVzdEFxBFgDAAAAbmVncQVK/f///1gDAAAAYmlncQaKBQAAAIAAWAEAAABmcQdHP+AAAAAAAABYAgAAAG9rcQiIWAIAAABub3EJiVgEAAAAbm9uZXEKTlgBAAAAdHELSwFLAoZxDFgCAAAAdDRxDShLAUsCSwNLBHRxDlgBAAAAc3EPWA4AAABjYWbDqSAieCIg5LitCnEQWAUAAABhZ2FpbnERaAR1XXESfXETZS4=",
  "gASVmgAAAAAAAABdlCh9lCiMBnJlZl9pZJRLB4wFc3BsaXSUjAV0ZXN0QZSMA25lZ5RK/f///4wDYmlnlIoFAAAAgACMAWaURz/gAAAAAAAAjAJva5SIjAJub5SJjARub25llE6MAXSUSwFLAoaUjAJ0NJQoSwFLAksDSwR0lIwBc5SMDmNhZsOpICJ4IiDkuK0KlIwFYWdhaW6UaAR1XZR9lGUu",
];
const VALUE = [
  {
    ...{ ref_id: 7, split: "testA", neg: -3, big: 2 ** 31, f: 0.5, ok: true, no: false, none: null },
    ...{ t: [1, 2], t4: [1, 2, 3, 4], s: 'café "x" 中\n', again: "testA" },
  },
  [],
  {},
];

describe("a pickle of plain data", () => {
  it.each(PICKLES.map((pickle, protocol) => [protocol, pickle] as const))("of protocol %i is read", (_, pickle) => {
    expect(read(base64(pickle))).toEqual(VALUE);
  });

  it("of Python 2 is read: texts are literals of UTF-8 bytes", () => {
    const pickle = "(lp1\n(dp2\nS'raw'\np3\nS\"caf\\xc3\\xa9's\"\np4\nsS'b'\nS'it\\'s \\\\ two\\tlines\\n'\nsa.";
    expect(read(Buffer.from(pickle))).toEqual([{ raw: "café's", b: "it's \\ two\tlines\n" }]);
  });

  // Each calls print("pwned") when Python loads it: protocols 0, 2, 4.
  it.each([
    "KGxwMApjX19idWlsdGluX18KcHJpbnQKcDEKKFZwd25lZApwMgp0cDMKUnA0CmEu",
    "gAJdcQBjX19idWlsdGluX18KcHJpbnQKcQFYBQAAAHB3bmVkcQKFcQNScQRhLg==",
    "gASVJQAAAAAAAABdlIwIYnVpbHRpbnOUjAVwcmludJSTlIwFcHduZWSUhZRSlGEu",
  ])("is not one that names what Python should call: %s", (pickle) => {
    expect(() => read(base64(pickle))).toThrow(/refs\.p: is not a pickle of plain data \(instruction 0x(63|93) is not/);
  });

  it.each([
    ["cut off", base64(PICKLES[2]).subarray(0, 50), /ends early/],
    ["empty", Buffer.alloc(0), /ends early/],
    ["a stop without a value", Buffer.from("."), /stack is empty/],
    ["a mark as a value", Buffer.from("(."), /stack is empty/],
    ["no mark", Buffer.from("l."), /a mark is missing/],
    ["a key that is none", Buffer.from("(I1\nI2\nd."), /a key that is no plain text/],
    ["a prototype as a key", Buffer.from("(S'__proto__'\n}d."), /a key that is no plain text/],
    ["a key without a value", Buffer.from("(S'a'\nd."), /a key that is no plain text/],
    ["an append to a number", Buffer.from("I1\nI2\na."), /no list/],
    ["an append to a tuple", Buffer.from("(I1\ntI2\na."), /no list/],
    ["of a protocol to come", Buffer.from("\x80\x06N.", "latin1"), /protocol is unknown/],
    ["a frame longer than the rest", Buffer.from("\x80\x04\x95\x03\0\0\0\0\0\0\0N.", "latin1"), /ends early/],
    ["an integer of 7 bytes", Buffer.from("\x80\x02\x8a\x07\x01\0\0\0\0\0\0.", "latin1"), /too large/],
    ["something never kept", Buffer.from("g5\n."), /recalls what it did not keep/],
    ["infinity", Buffer.from("Finf\n."), /not finite/],
    ["an integer beyond all", Buffer.from("L99999999999999999999L\n."), /is no integer/],
  ])("is not %s", (_, bytes, message) => {
    expect(() => read(bytes)).toThrow(message);
    expect(() => read(bytes)).toThrow(/refs\.p: .* at byte \d+/);
  });

  it("may be of protocol 5, in a frame that ends where it ends, and hold integers of 6 bytes", () => {
    expect(read(Buffer.from("\x80\x05\x95\x02\0\0\0\0\0\0\0N.", "latin1"))).toBeNull();
    expect(read(Buffer.from("\x80\x02\x8a\x06\0\0\0\0\0\x80.", "latin1"))).toBe(-(2 ** 47));
  });

  it("keeps a value for later so often, as if each were a list", () => {
    const kept = (times: number) => Buffer.from(`\x80\x04N${"\x94".repeat(times)}.`, "latin1");
    expect(read(kept(2 ** 13 - 1), 2 ** 16)).toBeNull();
    expect(() => read(kept(2 ** 13), 2 ** 16)).toThrow("it makes more than 65536 values");
  });

  it("is not read when it is too large", () => {
    expect(() => read(Buffer.alloc(11), 10)).toThrow(/11 bytes, more than the 10/);
  });
});
