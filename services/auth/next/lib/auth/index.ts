/** Who is calling: sessions of Clerk or of the local issuer, one service token. For the server alone. */
import "server-only";

export { Auth, type Identity } from "./auth.ts";
export { AuthError } from "./errors.ts";
export { Refused, type Settings, read, readOrExit } from "./settings.ts";
export type { Session } from "./clerk/session.ts";
