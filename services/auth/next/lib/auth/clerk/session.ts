/** A session token, verified by Clerk's SDK behind a strict policy: the SDK alone lets too much through (AUTH.md). */
import { verifyJwt } from "@clerk/backend/jwt";
import { AuthError } from "../errors.ts";
import type { Keys } from "../keys.ts";

const LIMIT = 8 * 1024;
const SHAPE = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;
const SESSION_CATEGORY = "cl_B7d4PD111AAA"; // the others mark template (222) and machine-to-machine (333) tokens
const FOREIGN_HEADERS = ["crit", "b64", "zip", "jwk", "jku", "x5c", "x5u", "x5t", "x5t#S256"];
const SUBJECT = /^user_[A-Za-z0-9_]{1,64}$/;
const SESSION_ID = /^sess_[A-Za-z0-9_]{1,64}$/;
const ORGANISATION_ID = /^org_[A-Za-z0-9_]{1,64}$/;
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** What a verified token says. */
export type Session = {
  issuer: string;
  subject: string;
  sessionId: string;
  orgId?: string;
  orgRole?: string;
  email?: string;
  emailVerified: boolean;
  displayName?: string;
};

type Claims = Record<string, unknown>;
export type Policy = { issuer: string; authorizedParties: string[]; clockSkewS: number };

/** The session of a token; rejects with AuthError. */
export async function verify(token: string, policy: Policy, keys: Keys): Promise<Session> {
  if (token.length > LIMIT) refuse("size");
  if (!SHAPE.test(token)) refuse("shape");
  const [head = "", body = "", signature = ""] = token.split(".");
  bytes(signature);
  const header = object(head);
  const claims = object(body);
  if (header.alg !== "RS256" || header.typ !== "JWT") refuse("alg or typ");
  if ("cat" in header && header.cat !== SESSION_CATEGORY) refuse("header");
  if (FOREIGN_HEADERS.some((name) => name in header)) refuse("header");
  const kid = header.kid;
  if (typeof kid !== "string" || !kid || kid.length > 128) refuse("kid");
  check(claims, policy);
  const key = await keys(kid);
  const options = { issuer: policy.issuer, authorizedParties: policy.authorizedParties, clockSkewInMs: policy.clockSkewS * 1000 };
  try {
    await verifyJwt(token, { key: key as never, ...options });
  } catch (error) {
    const reason = String((error as { reason?: unknown }).reason ?? error);
    // The SDK looks at the signature before the time.
    throw new AuthError(reason === "token-expired" ? "token_expired" : "token_invalid", reason);
  }
  if (claims.sts === "pending") throw new AuthError("session_pending", "sts");
  return session(claims);
}

function check(claims: Claims, policy: Policy): void {
  for (const name of ["exp", "iat", "nbf"])
    if ((name !== "nbf" || name in claims) && !isTime(claims[name])) refuse(name);
  if (claims.iss !== policy.issuer) refuse("iss");
  if (typeof claims.azp !== "string" || !policy.authorizedParties.includes(claims.azp)) refuse("azp");
  if ("aud" in claims) refuse("aud");
  if (typeof claims.sub !== "string" || !SUBJECT.test(claims.sub)) refuse("sub");
  if (typeof claims.sid !== "string" || !SESSION_ID.test(claims.sid)) refuse("sid");
  if ("sts" in claims && claims.sts !== "active" && claims.sts !== "pending") refuse("sts");
  if ("v" in claims && claims.v !== 1 && claims.v !== 2) refuse("v");
}

function refuse(reason: string): never {
  throw new AuthError("token_invalid", reason);
}

/** Only the one spelling that encoding gives: no padding, no stray bits. */
function bytes(part: string): Buffer {
  const decoded = Buffer.from(part, "base64url");
  if (decoded.toString("base64url") !== part) refuse("base64");
  return decoded;
}

function object(part: string): Claims {
  const raw = bytes(part);
  let value: unknown;
  try {
    const text = DECODER.decode(raw);
    if ((text.match(/[[{]/g)?.length ?? 0) > 100) refuse("json");
    value = JSON.parse(text);
  } catch {
    refuse("json");
  }
  if (!value || typeof value !== "object" || Array.isArray(value)) refuse("json");
  return Object.assign(Object.create(null), value); // no name is there but those of the token
}

function isTime(value: unknown): boolean {
  return typeof value === "number" && value >= 0 && value <= 2 ** 53;
}

/** Version 2 has organisations in `o`, version 1 in flat claims, with `org:` before the role. */
function session(claims: Claims): Session {
  const inside = claims.o && typeof claims.o === "object" && !Array.isArray(claims.o) ? (claims.o as Claims) : undefined;
  const orgId = text(inside ? inside.id : claims.org_id);
  const role = text(inside ? inside.rol : claims.org_role);
  const member = orgId !== undefined && ORGANISATION_ID.test(orgId);
  return {
    issuer: claims.iss as string,
    subject: claims.sub as string,
    sessionId: claims.sid as string,
    orgId: member ? orgId : undefined,
    orgRole: member ? role?.replace(/^org:/, "") : undefined,
    email: text(claims.email),
    emailVerified: claims.email_verified === true,
    displayName: text(claims.name),
  };
}

/** Text that a database takes: no NUL, no half surrogates, not endless. */
function text(value: unknown): string | undefined {
  if (typeof value !== "string" || !value || value.length > 320 || value.includes("\0")) return undefined;
  return value.isWellFormed() ? value : undefined;
}
