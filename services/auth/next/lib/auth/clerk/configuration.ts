/** Clerk's variables: a publishable key names its instance, and so its issuer and its keys. */
import { createPublicKey } from "node:crypto";
import { Refused } from "../refused.ts";

export const ORIGIN = /^https?:\/\/[a-z0-9.-]+(:[0-9]{1,5})?$/;
const ISSUER = /^https:\/\/[a-z0-9-]+(\.[a-z0-9-]+)+$/;

/** One Clerk instance: its keys come from the JWK, else from the URL. */
export type Instance = { issuer: string; jwksUrl?: string; jwk?: JsonWebKey };

/** The instance that is configured, if any; throws Refused for half a configuration. */
export function readInstance(env: Record<string, string | undefined>): Instance | undefined {
  const { CLERK_PUBLISHABLE_KEY: publishable, CLERK_SECRET_KEY: secret, CLERK_JWT_KEY: pem } = env;
  let issuer = env.CLERK_ISSUER || undefined;
  if (!publishable && !secret && !pem && !issuer) return undefined;
  if (publishable) {
    const named = issuerOf(publishable);
    if (!named) throw new Refused("CLERK_PUBLISHABLE_KEY is no publishable key (pk_test_… or pk_live_…)");
    if (secret && !secret.startsWith(`sk${publishable.slice(2, 8)}`))
      throw new Refused("CLERK_SECRET_KEY is not of the same kind of instance as CLERK_PUBLISHABLE_KEY");
    if (issuer && issuer !== named) throw new Refused("CLERK_ISSUER is not the instance of CLERK_PUBLISHABLE_KEY");
    issuer = named;
  } else if (!pem || !issuer) {
    throw new Refused("Clerk needs CLERK_PUBLISHABLE_KEY, or CLERK_JWT_KEY together with CLERK_ISSUER");
  } else if (!ISSUER.test(issuer)) {
    throw new Refused("CLERK_ISSUER is to be like https://clerk.example.com");
  }
  return pem ? { issuer, jwk: parse(pem) } : { issuer, jwksUrl: `${issuer}/.well-known/jwks.json` };
}

/** `pk_test_` or `pk_live_`, then base64 of the instance's host and a `$`. */
export function issuerOf(publishableKey: string): string | undefined {
  const found = /^pk_(?:test|live)_([A-Za-z0-9+/_-]+)={0,2}$/.exec(publishableKey);
  const host = Buffer.from(found?.[1] ?? "", "base64").toString("latin1");
  const issuer = `https://${host.slice(0, -1)}`;
  return host.endsWith("$") && ISSUER.test(issuer) ? issuer : undefined;
}

/** With real line ends: dashboards and env files write them as backslash n. */
function parse(text: string): JsonWebKey {
  let key;
  try {
    key = createPublicKey(text.replaceAll("\\n", "\n").trim());
  } catch {
    throw new Refused("CLERK_JWT_KEY is no public key in PEM form");
  }
  if (key.asymmetricKeyType !== "rsa" || (key.asymmetricKeyDetails?.modulusLength ?? 0) < 2048)
    throw new Refused("CLERK_JWT_KEY is to be an RSA key of 2048 bits or more");
  return key.export({ format: "jwk" }) as JsonWebKey;
}
