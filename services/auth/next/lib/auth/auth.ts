/** Identity for route handlers and server components. A proxy (middleware) is not the boundary: handlers check. */
import { type Session, verify } from "./clerk/session.ts";
import { AuthError, answer } from "./errors.ts";
import { type Keys, given, jwks } from "./keys.ts";
import { matches } from "./service-token.ts";
import { type Settings, TEST_ISSUER, banner } from "./settings.ts";

export const SESSION_COOKIE = "__session";

/** Who calls: a service, a user, or a service for a user. Users' rows are kept by the services behind. */
export type Identity = { service: boolean; session?: Session; bearer?: string };

/** Made once: `const auth = new Auth(readOrExit)`. The environment is read at first use: `next build` loads modules without it. */
export class Auth {
  readonly #read: () => Settings;
  #made?: { settings: Settings; keys: Keys };

  constructor(readSettings: () => Settings) {
    this.#read = readSettings;
  }

  get settings(): Settings {
    return this.#open().settings;
  }

  /** A route handler for signed-in users alone: by header, else by cookie. */
  forUsers<More extends unknown[]>(handler: (request: Request, identity: Identity & { session: Session }, ...more: More) => Promise<Response> | Response) {
    return this.#guarded(async (request: Request, ...more: More) => {
      const identity = await this.identity(request.headers);
      if (!identity.session) throw new AuthError("auth_required", "no user");
      return handler(request, { ...identity, session: identity.session }, ...more);
    });
  }

  /** A route handler for services alone. */
  forServices<More extends unknown[]>(handler: (request: Request, identity: Identity, ...more: More) => Promise<Response> | Response) {
    return this.#guarded(async (request: Request, ...more: More) => {
      const identity = await this.identity(request.headers);
      if (!identity.service) throw new AuthError(identity.session ? "forbidden" : "auth_required", "no service");
      return handler(request, identity, ...more);
    });
  }

  /** Who calls: for server components `auth.identity(await headers())`. A credential that is there and wrong is never passed over. */
  async identity(headers: Headers): Promise<Identity> {
    // Repeated headers reach a handler joined by commas. (Of Authorization, Node keeps the first, unless told otherwise.)
    for (const name of ["authorization", "x-service-token", "x-on-behalf-of"])
      if (headers.get(name)?.includes(",")) throw new AuthError("duplicate_credentials", name);
    const testSubject = this.settings.backdoor?.subject(headers);
    const [header, token, behalf] = ["authorization", "x-service-token", "x-on-behalf-of"].map((name) => headers.get(name));
    if (token != null && !matches(token, this.settings.serviceTokens)) throw new AuthError("service_token_invalid", "x-service-token");
    if (behalf != null && token == null) throw new AuthError("service_token_invalid", "x-on-behalf-of without x-service-token");
    if ([header, behalf, testSubject].filter((credential) => credential != null).length > 1)
      throw new AuthError("duplicate_credentials", "two users");
    if (behalf != null) throw new AuthError("forbidden", "x-on-behalf-of: no users are kept here");
    const service = token != null;
    if (testSubject != null)
      return { service, session: { issuer: TEST_ISSUER, subject: testSubject, sessionId: "sess_test", emailVerified: false } };
    const bearer = header ?? bearerOfCookie(headers);
    if (bearer == null) return { service };
    const space = bearer.indexOf(" ");
    if (bearer.slice(0, Math.max(space, 0)).toLowerCase() !== "bearer") throw new AuthError("token_invalid", "scheme");
    return { service, bearer, session: await verify(bearer.slice(space + 1), this.settings, this.#open().keys) };
  }

  /** Headers for a call to another service: our token, and the user who calls us. */
  outgoing(identity: Identity): Record<string, string> {
    const [token] = this.settings.serviceTokens;
    const ours: Record<string, string> = token ? { "X-Service-Token": token } : {};
    if (identity.bearer) return { ...ours, Authorization: identity.bearer };
    const test = identity.session?.issuer === TEST_ISSUER && this.settings.backdoor;
    return test && identity.session ? { ...ours, ...test.outgoing(identity.session.subject) } : ours;
  }

  #open(): { settings: Settings; keys: Keys } {
    if (!this.#made) {
      const settings = this.#read();
      const { jwk, localKeys } = settings;
      const keys = jwk ? async () => jwk : localKeys ? given(localKeys) : jwks(settings.jwksUrl ?? "");
      this.#made = { settings, keys };
      const told = banner(settings);
      if (told) console.log(JSON.stringify({ level: "WARN", msg: told, auth_mode: settings.mode }));
    }
    return this.#made;
  }

  #guarded<Arguments extends [Request, ...unknown[]]>(handler: (...given: Arguments) => Promise<Response>) {
    return async (...given: Arguments): Promise<Response> => {
      try {
        const response = await handler(...given);
        if (!this.settings.backdoor?.subject(given[0].headers)) return response;
        const marked = new Response(response.body, response);
        marked.headers.set("X-Auth-Mode", "test");
        return marked;
      } catch (error) {
        if (error instanceof AuthError) return answer(error, given[0].headers);
        throw error;
      }
    };
  }
}

/** Exactly the cookie of this name: others only begin like it. */
function bearerOfCookie(headers: Headers): string | undefined {
  const found = cookies(headers, SESSION_COOKIE);
  if (found.length > 1) throw new AuthError("duplicate_credentials", "cookie");
  return found[0] ? `Bearer ${found[0]}` : undefined;
}

/** Every value that the request has for a cookie's name. */
export function cookies(headers: Headers, name: string): string[] {
  return (headers.get("cookie") ?? "")
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1));
}
