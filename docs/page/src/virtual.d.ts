/** The first run as `writeFirstRun` writes it, parsed; the build computes it. */
declare module "virtual:first-run" {
  const json: unknown;
  export default json;
}
