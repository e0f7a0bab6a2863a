/** Signing in at the local issuer: three routes under /api/auth, and the renewal of the one-minute token. Not for clerk mode. */
import "server-only";
import { createHash, randomBytes } from "node:crypto";
import { type Auth, SESSION_COOKIE, cookies } from "./auth.ts";

const REFRESH_COOKIE = "__refresh";
const BEGUN_COOKIE = "__sign_in";
const AHEAD_S = 15; // a token is renewed before it ends under way
const MONTH_S = 30 * 24 * 3600;

type Minted = { token: string; expires_at: number; refresh_token?: string };
type Handler = (request: Request) => Promise<Response>;

/** For `app/api/auth/[step]/route.ts`: GET sign-in?return_to=/ · GET callback · POST sign-out. */
export function localRoutes(auth: Auth): { GET: Handler; POST: Handler } {
  const nothing = () => Response.json({ error: { code: "not_found", message: "not in this mode" } }, { status: 404 });
  const step = (request: Request) => new URL(request.url).pathname.split("/").at(-1);
  return {
    GET: async (request) => {
      const issuer = auth.settings.localIssuer;
      if (issuer && step(request) === "sign-in") return signIn(request, issuer.browser);
      return issuer && step(request) === "callback" ? callback(request, issuer.server) : nothing();
    },
    POST: async (request) => {
      const issuer = auth.settings.localIssuer;
      return issuer && step(request) === "sign-out" ? signOut(request, issuer.server) : nothing();
    },
  };
}

/** A session about to end, renewed: cookies to set, and the token to use in this request. Nothing if there is nothing to do. */
export async function renew(auth: Auth, headers: Headers): Promise<{ setCookies: string[]; token?: string } | undefined> {
  const [refresh] = cookies(headers, REFRESH_COOKIE);
  const [token] = cookies(headers, SESSION_COOKIE);
  const issuer = auth.settings.localIssuer;
  if (!issuer || !refresh || (token && endsIn(token) > AHEAD_S)) return undefined;
  const answer = await call(issuer.server, "/v1/refresh", { refresh_token: refresh });
  if (answer?.status === 401) return { setCookies: [cookie(SESSION_COOKIE, "", 0), cookie(REFRESH_COOKIE, "", 0)] };
  if (!answer?.ok) return undefined;
  const minted = (await answer.json()) as Minted;
  return { token: minted.token, setCookies: [cookie(SESSION_COOKIE, minted.token, MONTH_S)] };
}

function signIn(request: Request, issuer: string): Response {
  const verifier = randomBytes(32).toString("base64url");
  const challenge = createHash("sha256").update(verifier).digest("base64url");
  const returnTo = pathOf(new URL(request.url).searchParams.get("return_to"));
  const query = new URLSearchParams({ redirect_url: `http://${request.headers.get("host")}/api/auth/callback`, challenge });
  return redirect(`${issuer}/sign-in?${query}`, [cookie(BEGUN_COOKIE, `${verifier}.${encodeURIComponent(returnTo)}`, 600)]);
}

async function callback(request: Request, issuer: string): Promise<Response> {
  const [begun = ""] = cookies(request.headers, BEGUN_COOKIE);
  const [verifier = "", returnTo = ""] = begun.split(".", 2);
  const code = new URL(request.url).searchParams.get("code") ?? "";
  const answer = await call(issuer, "/v1/exchange", { code, verifier });
  if (!answer?.ok) return redirect("/?sign_in=failed", [cookie(BEGUN_COOKIE, "", 0)]);
  const minted = (await answer.json()) as Minted;
  return redirect(pathOf(decodeURIComponent(returnTo)), [
    cookie(SESSION_COOKIE, minted.token, MONTH_S),
    cookie(REFRESH_COOKIE, minted.refresh_token ?? "", MONTH_S),
    cookie(BEGUN_COOKIE, "", 0),
  ]);
}

async function signOut(request: Request, issuer: string): Promise<Response> {
  if (request.headers.get("origin") !== `http://${request.headers.get("host")}`)
    return Response.json({ error: { code: "forbidden", message: "only this site's pages sign out" } }, { status: 403 });
  const [refresh] = cookies(request.headers, REFRESH_COOKIE);
  if (refresh) await call(issuer, "/v1/sign-out", { refresh_token: refresh });
  return redirect("/", [cookie(SESSION_COOKIE, "", 0), cookie(REFRESH_COOKIE, "", 0)]);
}

/** A path of this site: never another host, however it is spelled. */
function pathOf(text: string | null): string {
  return text && /^\/(?![/\\])[!-~]*$/.test(text) ? text : "/";
}

function endsIn(token: string): number {
  try {
    const claims = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as { exp?: unknown };
    return typeof claims.exp === "number" ? claims.exp - Date.now() / 1000 : 0;
  } catch {
    return 0;
  }
}

async function call(issuer: string, path: string, body: object): Promise<Response | undefined> {
  const headers = { "Content-Type": "application/json" };
  try {
    return await fetch(issuer + path, { method: "POST", headers, body: JSON.stringify(body), redirect: "error", signal: AbortSignal.timeout(3000), cache: "no-store" });
  } catch {
    return undefined;
  }
}

function cookie(name: string, value: string, maxAge: number): string {
  return `${name}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${maxAge}`;
}

function redirect(location: string, setCookies: string[]): Response {
  const headers = new Headers({ Location: location, "Cache-Control": "no-store" });
  for (const each of setCookies) headers.append("Set-Cookie", each);
  return new Response(null, { status: 303, headers });
}
