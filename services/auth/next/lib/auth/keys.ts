/** The provider's public keys: kept an hour, used an hour longer when it is away, asked for at most every 30 s. */
import { createPublicKey } from "node:crypto";
import { AuthError } from "./errors.ts";

const TTL_MS = 3_600_000;
const STALE_MS = 3_600_000;
const REFETCH_MS = 30_000;
const COLD_MS = 2_000; // between tries while there is no key at all
const LIMIT = 64 * 1024;

/** Gives the key of a kid; rejects with AuthError. */
export type Keys = (kid: string) => Promise<JsonWebKey>;

/** Keys from the environment: nobody is asked for others. */
export function given(keys: Map<string, JsonWebKey>): Keys {
  return async (kid) => {
    const key = keys.get(kid);
    if (!key) throw new AuthError("token_invalid", "kid");
    return key;
  };
}

/** The keys behind a URL. */
export function jwks(url: string, fetchText: (url: string) => Promise<string> = fetchUrl, now = () => performance.now()): Keys {
  let keys = new Map<string, JsonWebKey>();
  let fetched = -Infinity;
  let tried = -Infinity;
  let failed = false;
  let asking: Promise<void> | undefined;

  async function refresh(): Promise<void> {
    if (now() - tried < (keys.size ? REFETCH_MS : COLD_MS)) return;
    tried = now();
    try {
      keys = parse(await fetchText(url));
      fetched = now();
      failed = false;
    } catch (error) {
      failed = true;
      console.log(JSON.stringify({ level: "WARN", msg: "auth keys could not be fetched", auth_reason: "jwks", error: String(error) }));
    }
  }

  return async (kid) => {
    const known = keys.get(kid);
    if (known && now() - fetched < TTL_MS) return known;
    asking ??= refresh().finally(() => (asking = undefined)); // who comes meanwhile waits for the same answer
    await asking;
    const usable = now() - fetched < TTL_MS + STALE_MS;
    const key = keys.get(kid);
    if (usable && key) return key;
    if (failed || !usable) throw new AuthError("identity_unavailable", "jwks");
    throw new AuthError("token_invalid", "kid");
  };
}

/** The RSA keys for RS256 in a JWKS, by kid; throws for a document without any. */
export function parse(document: string): Map<string, JsonWebKey> {
  const content: unknown = JSON.parse(document);
  const entries = (content as { keys?: unknown } | null)?.keys;
  const found = new Map<string, JsonWebKey>();
  for (const entry of Array.isArray(entries) ? entries.slice(0, 16) : []) {
    if (!entry || typeof entry !== "object" || entry.kty !== "RSA" || typeof entry.kid !== "string" || "d" in entry) continue;
    if ((entry.use ?? "sig") !== "sig" || (entry.alg ?? "RS256") !== "RS256") continue;
    const jwk = { kty: "RSA", alg: "RS256", n: entry.n, e: entry.e };
    try {
      const details = createPublicKey({ key: jwk, format: "jwk" }).asymmetricKeyDetails;
      if ((details?.modulusLength ?? 0) >= 2048) found.set(entry.kid, jwk);
    } catch {
      continue;
    }
  }
  if (!found.size) throw new Error("no RS256 key in the JWKS");
  return found;
}

async function fetchUrl(url: string): Promise<string> {
  const answer = await fetch(url, { redirect: "error", signal: AbortSignal.timeout(3000), cache: "no-store" });
  const text = await answer.text();
  if (!answer.ok || text.length > LIMIT) throw new Error(`the JWKS answers ${answer.status} and ${text.length} bytes`);
  return text;
}
