/** The process must not start with this environment. */
export class Refused extends Error {}
