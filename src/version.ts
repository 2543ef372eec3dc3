/** The version that status, records and `--version` state; a house test holds it equal to package.json. */
export const VERSION = "0.1.0";
