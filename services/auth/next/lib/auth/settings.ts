/** The environment decides the mode; what does not fit together refuses to start (exit 78). */
import { openBackdoor } from "#auth-testing";
import { ORIGIN, readInstance } from "./clerk/configuration.ts";
import { parse } from "./keys.ts";
import { Refused } from "./refused.ts";
import { secretFiles } from "./secret-files.ts";

export { Refused };

export const LOCAL_ISSUER = "urn:platform:local"; // what stands in `iss`: a constant, so that tokens outlive a change of port
export const TEST_ISSUER = "urn:platform:test";
const LOCAL_PARTY = "urn:platform:web";

/** Variables that may be given as files, by NAME_FILE. */
const SECRETS = ["SERVICE_AUTH_TOKEN", "SERVICE_AUTH_TOKEN_PREVIOUS", "TEST_AUTH_SECRET", "CLERK_SECRET_KEY", "CLERK_JWT_KEY"];

/** Set by platforms where production runs. */
export const MARKERS = [
  ...["KUBERNETES_SERVICE_HOST", "K_SERVICE", "FLY_APP_NAME", "DYNO", "RENDER", "AWS_EXECUTION_ENV"],
  ...["AWS_LAMBDA_FUNCTION_NAME", "ECS_CONTAINER_METADATA_URI", "ECS_CONTAINER_METADATA_URI_V4", "WEBSITE_INSTANCE_ID"],
  ...["RAILWAY_ENVIRONMENT", "GAE_ENV", "CF_INSTANCE_GUID", "NOMAD_ALLOC_ID"],
];

/** What the module behind the alias `#auth-testing` brings, in test mode alone. */
export type Backdoor = {
  /** The test user whom the request names; none if it is not to be believed. Throws AuthError. */
  subject(headers: Headers): string | undefined;
  /** Headers by which another service believes the same. */
  outgoing(subject: string): Record<string, string>;
};

type Env = Record<string, string | undefined>;

/** Everything the environment says about identity. */
export type Settings = {
  mode: "clerk" | "local" | "test";
  issuer: string;
  authorizedParties: string[];
  jwksUrl?: string;
  jwk?: JsonWebKey;
  /** The local issuer's keys by kid, instead of `jwksUrl`. */
  localKeys?: Map<string, JsonWebKey>;
  clockSkewS: number;
  serviceTokens: string[];
  /** Addresses of the local issuer: for this server, and for browsers. */
  localIssuer?: { server: string; browser: string };
  backdoor?: Backdoor;
};

/** The settings of this process; a refusal is one line on stderr and exit code 78 (EX_CONFIG). */
export function readOrExit(): Settings {
  try {
    Object.assign(process.env, secretFiles(process.env, SECRETS)); // Clerk's library reads its own; nobody else sees them
    return read(process.env, process.argv);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    console.error(`platform-auth: refuses to start: ${error.message}`);
    process.exit(78);
  }
}

/** The settings; throws Refused. `argv` is looked through for the address a server binds. */
export function read(environment: Env, argv: string[]): Settings {
  const env = { ...environment, ...secretFiles(environment, SECRETS) };
  const appEnv = env.APP_ENV || "production";
  const common = { clockSkewS: clockSkew(env), serviceTokens: serviceTokens(env) };
  const instance = readInstance(env);
  const parties = (env.AUTH_AUTHORIZED_PARTIES ?? "").split(",").map((party) => party.trim()).filter(Boolean);
  if (instance && appEnv === "test") throw new Refused("APP_ENV=test together with Clerk keys (unset one of them)");
  if (instance) {
    if (!parties.length) throw new Refused("AUTH_AUTHORIZED_PARTIES is missing: the web applications' origins, with commas");
    const wrong = parties.find((party) => !ORIGIN.test(party));
    if (wrong) throw new Refused(`AUTH_AUTHORIZED_PARTIES: ${JSON.stringify(wrong)} is no origin like https://app.example.com`);
    return { mode: "clerk", authorizedParties: parties, ...instance, ...common };
  }
  if (appEnv !== "development" && appEnv !== "test")
    throw new Refused(`APP_ENV is ${JSON.stringify(appEnv)} and there are no Clerk keys (set CLERK_PUBLISHABLE_KEY)`);
  const server = issuerAddress(env, "AUTH_LOCAL_ISSUER");
  const browser = env.AUTH_LOCAL_ISSUER_BROWSER ? issuerAddress(env, "AUTH_LOCAL_ISSUER_BROWSER") : server;
  const local = {
    issuer: LOCAL_ISSUER,
    authorizedParties: parties.length ? parties : [LOCAL_PARTY],
    ...(env.AUTH_LOCAL_ISSUER_KEYS ? { localKeys: localKeys(env.AUTH_LOCAL_ISSUER_KEYS) } : { jwksUrl: `${server}/.well-known/jwks.json` }),
    localIssuer: { server, browser },
    ...common,
  };
  if (appEnv === "development") return { mode: "local", ...local };
  const marker = env.VERCEL_ENV === "production" ? "VERCEL_ENV=production" : MARKERS.find((name) => env[name]);
  if (marker) throw new Refused(`APP_ENV=test where ${marker} is set, as in production`);
  return { mode: "test", ...local, backdoor: openBackdoor?.(env, argv) };
}

/** A line to be shown loudly; empty in clerk mode. */
export function banner(settings: Settings): string {
  if (settings.mode === "clerk") return "";
  const door = settings.backdoor ? ", test users by header" : "";
  return `AUTH MODE ${settings.mode.toUpperCase()}: local identities${door}. Not for production.`;
}

function clockSkew(env: Env): number {
  const text = env.AUTH_CLOCK_SKEW_S || "5";
  if (!/^[0-9]{1,2}$/.test(text) || Number(text) > 60)
    throw new Refused("AUTH_CLOCK_SKEW_S is to be whole seconds from 0 to 60");
  return Number(text);
}

function serviceTokens(env: Env): string[] {
  return ["SERVICE_AUTH_TOKEN", "SERVICE_AUTH_TOKEN_PREVIOUS"].flatMap((name) => {
    const token = env[name];
    if (token && !/^svc_[A-Za-z0-9_-]{43,}$/.test(token))
      throw new Refused(`${name} is not svc_ and 32 random bytes in base64url`);
    return token ? [token] : [];
  });
}

/** The issuer's keys, handed over: then nobody on its port is asked for them. */
function localKeys(document: string): Map<string, JsonWebKey> {
  try {
    return parse(document);
  } catch {
    throw new Refused("AUTH_LOCAL_ISSUER_KEYS is no JWKS with an RS256 key");
  }
}

/** Only a place nobody else answers for: loopback, a private address, a name of a container network. */
function issuerAddress(env: Env, name: string): string {
  const url = (env[name] ?? "").replace(/\/+$/, "");
  const host = /^http:\/\/(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+)(:[0-9]+)?$/.exec(url)?.[1];
  if (!host) throw new Refused(`${name} is to be the address of the local issuer, like http://127.0.0.1:18084`);
  const near = /^(127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|\[::1\]$|\[f[cd])/i.test(host) && /^[\d.]+$|^\[/.test(host);
  if (!near && host !== "host.docker.internal" && (host.includes(".") || host.startsWith("[")))
    throw new Refused(`${name} is neither on this machine nor in a container network of it`);
  return url;
}
