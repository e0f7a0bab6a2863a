/** What a refused caller is told: a stable code and its status; why exactly stands in the log alone. */
import { randomBytes } from "node:crypto";

export const ERRORS = {
  auth_required: [401, "sign in first"],
  token_invalid: [401, "the session token is not valid"],
  token_expired: [401, "the session token has expired"],
  session_pending: [401, "the session waits for a task of its user"],
  service_token_invalid: [401, "the service token is not valid"],
  account_disabled: [403, "this account is disabled"],
  forbidden: [403, "this caller may not do this"],
  duplicate_credentials: [400, "a credential was given twice"],
  identity_unavailable: [503, "the identity provider cannot be asked, try again"],
  provisioning_unavailable: [503, "users cannot be looked up, try again"],
} as const;
export type Code = keyof typeof ERRORS;

const TOLD = new Set<Code>(["token_invalid", "token_expired", "session_pending"]);

/** A refusal; `reason` is for the log only. */
export class AuthError extends Error {
  readonly code: Code;
  readonly reason: string;

  constructor(code: Code, reason: string) {
    super(`${code}: ${reason}`);
    this.code = code;
    this.reason = reason;
  }
}

/** The documented answer, logged. */
export function answer(error: AuthError, headers: Headers): Response {
  const [status, message] = ERRORS[error.code];
  const given = headers.get("x-request-id") ?? "";
  const requestId = /^[A-Za-z0-9_-]{1,64}$/.test(given) ? given : randomBytes(16).toString("hex");
  const level = status === 503 ? "ERROR" : "INFO";
  const fields = { auth_code: error.code, auth_reason: error.reason, request_id: requestId };
  console.log(JSON.stringify({ time: new Date().toISOString(), level, msg: "auth refused", ...fields }));
  const told: Record<string, string> = { "Cache-Control": "no-store", "X-Request-Id": requestId };
  if (status === 401) told["WWW-Authenticate"] = TOLD.has(error.code) ? 'Bearer error="invalid_token"' : "Bearer";
  if (status === 503) told["Retry-After"] = "2";
  return Response.json({ error: { code: error.code, message, request_id: requestId } }, { status, headers: told });
}
