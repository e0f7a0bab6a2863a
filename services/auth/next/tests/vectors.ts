/** The vector file as this language reads it: keys made now, tokens made from data. */
import { type KeyObject, constants, createHmac, createSign, generateKeyPairSync, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";

type Json = Record<string, unknown>;
export type Case = {
  name: string;
  apps?: string[];
  kits?: string[];
  header?: Json;
  claims?: Json;
  headers?: [string, string][];
  path?: string;
  peer?: string;
  via?: string;
  raw?: string;
  mangle?: string;
  sign?: { key?: string; alg?: string; secret?: string; payload?: string; nest?: number };
  identical_without?: string[];
  status: number;
  code?: string;
  body?: Json;
  response?: Record<string, string>;
};
type App = { name: string; issuer: string; party: string };

export const PATH = new URL("../../vectors.json", import.meta.url).pathname;
export const FILE = JSON.parse(readFileSync(PATH, "utf8")) as {
  base: { header: Json; claims: Json; headers: [string, string][]; path: string };
  users: Record<string, { id: string }>;
  cases: Case[];
};
export const APPS: Record<string, App> = {
  local: { name: "local", issuer: "urn:platform:local", party: "urn:platform:web" },
  clerk: { name: "clerk", issuer: "https://clerk.shop.example", party: "https://shop.example" },
  test: { name: "test", issuer: "urn:platform:local", party: "urn:platform:web" },
};
const pair = () => generateKeyPairSync("rsa", { modulusLength: 2048 });
export const RIGHT = pair();
export const OTHER = pair();
export const KID = "ins_vector";
export const PEM = RIGHT.publicKey.export({ type: "spki", format: "pem" }) as string;
export const SERVICE = `svc_${randomBytes(32).toString("base64url")}`;
export const PREVIOUS = `svc_${randomBytes(32).toString("base64url")}`;
export const SECRET = randomBytes(32).toString("base64url");

export const jwk = (key: KeyObject) => ({ ...key.export({ format: "jwk" }), alg: "RS256", use: "sig" });
export const jwks = (kid = KID) => JSON.stringify({ keys: [{ ...jwk(RIGHT.publicKey), kid }] });

/** Every case of this kit with every configuration it is for. */
export function* each(): Generator<[App, Case]> {
  for (const found of FILE.cases)
    if (!found.kits || found.kits.includes("next"))
      for (const name of found.apps ?? ["local", "clerk"]) yield [APPS[name]!, found];
}

/** The token the case tells to make. */
export function token(app: App, found: Partial<Case>): string {
  if (found.raw !== undefined) return found.raw;
  const sign = found.sign ?? {};
  const header = filled(app, { ...FILE.base.header, ...found.header });
  let payload = sign.payload ?? JSON.stringify(filled(app, { ...FILE.base.claims, ...found.claims })).replaceAll('"$half"', '"\\ud800"');
  if (sign.nest) payload = `${payload.slice(0, -1)}, "x": ${"[".repeat(sign.nest)}${"]".repeat(sign.nest)}}`;
  const signing = `${b64(JSON.stringify(header))}.${b64(payload)}`;
  return mangled(found.mangle, `${signing}.${b64(signature(sign, signing))}`);
}

/** What the names in a case's strings stand for. */
export function values(app: App, found: Case): Record<string, string> {
  return {
    ...names(app),
    $token: token(app, found),
    $good: token(app, {}),
    $expired: token(app, { claims: { exp: { now: -60 } } }),
    $service: SERVICE,
    $previous: PREVIOUS,
    $secret: SECRET,
    ...Object.fromEntries(Object.entries(FILE.users).map(([name, user]) => [`$${name}`, user.id])),
  };
}

/** The request's headers, duplicates and all. */
export function headers(app: App, found: Case): [string, string][] {
  const named = values(app, found);
  return (found.headers ?? FILE.base.headers).map(([name, value]) => [name, replaced(value, named)]);
}

const names = (app: App) => ({
  ...{ $cut_azp: app.party.slice(0, -1), $azp: app.party, $iss: app.issuer, $kid: KID },
  ...{ $long: "x".repeat(10_240), $wide: "x".repeat(400) },
});

function replaced(text: string, named: Record<string, string>): string {
  for (const [name, value] of Object.entries(named)) text = text.replaceAll(name, () => value);
  return text;
}

function filled(app: App, part: Json): Json {
  const fill = (value: unknown): unknown => {
    if (value === "$jwk_other") return jwk(OTHER.publicKey);
    if (typeof value === "string") return replaced(value, names(app));
    if (Array.isArray(value)) return value.map(fill);
    if (value && typeof value === "object") {
      if ("now" in value) return Math.floor(Date.now() / 1000) + Number(value.now);
      return Object.fromEntries(Object.entries(value).map(([name, inside]) => [name, fill(inside)]));
    }
    return value;
  };
  return fill(Object.fromEntries(Object.entries(part).filter(([, value]) => value !== null))) as Json;
}

function signature(sign: NonNullable<Case["sign"]>, signing: string): Buffer {
  const { alg = "RS256", key = "right" } = sign;
  if (alg === "none") return Buffer.alloc(0);
  if (alg === "HS256") return createHmac("sha256", (sign.secret ?? "").replace("$pem", () => PEM)).update(signing).digest();
  const made = createSign({ RS256: "sha256", RS384: "sha384", RS512: "sha512", PS256: "sha256" }[alg] ?? "").update(signing);
  const pss = alg === "PS256" ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } : {};
  return made.sign({ key: (key === "other" ? OTHER : RIGHT).privateKey, ...pss });
}

function mangled(how: string | undefined, made: string): string {
  const [header = "", payload = "", end = ""] = made.split(".");
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const within = (what: string) => `${header}.${payload.slice(0, 8)}${what}${payload.slice(8)}.${end}`;
  const ways: Record<string, () => string> = {
    "alter-payload": () => `${header}.${b64(Buffer.from(payload, "base64url").toString().replaceAll("user_vector", "user_victim"))}.${end}`,
    "respell-signature": () => made.slice(0, -1) + alphabet[alphabet.indexOf(made.at(-1)!) ^ 1],
    "empty-signature": () => `${header}.${payload}.`,
    "cut-signature": () => made.slice(0, -4),
    pad: () => `${made}==`,
    newline: () => `${made}\n`,
    "newline-within": () => within("\n"),
    "space-within": () => within(" "),
    "two-parts": () => `${header}.${payload}`,
    "five-parts": () => `${made}.${payload}.${end}`,
  };
  return how ? ways[how]!() : made;
}

const b64 = (data: string | Buffer) => Buffer.from(data as string).toString("base64url");
