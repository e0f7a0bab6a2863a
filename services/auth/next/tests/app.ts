/** A tiny server that calls the kit's handlers as Next.js does; configured by the environment alone; refuses every way out. */
import { createServer } from "node:http";
import { Socket } from "node:net";
import { Auth, type Identity, readOrExit } from "../lib/auth/index.ts";
import { localRoutes, renew } from "../lib/auth/local.ts";

const auth = new Auth(readOrExit);
auth.settings; // read now: the gate tests want the exit before the port is open
const local = localRoutes(auth);
const tell = (_: Request, identity: Identity) =>
  Response.json({
    service: identity.service,
    subject: identity.session?.subject ?? null,
    issuer: identity.session?.issuer ?? null,
    org_id: identity.session?.orgId ?? null,
    org_role: identity.session?.orgRole ?? null,
    email: identity.session?.email ?? null,
    outgoing: auth.outgoing(identity),
  });
const routes: Record<string, (request: Request) => Promise<Response>> = {
  "GET /me": auth.forUsers(tell),
  "GET /internal": auth.forServices(tell),
  "GET /api/auth/sign-in": local.GET,
  "GET /api/auth/callback": local.GET,
  "POST /api/auth/sign-out": local.POST,
  "GET /renew": async (request) => Response.json((await renew(auth, request.headers)) ?? {}),
};

if (process.env.REFUSE_WAY_OUT) {
  const allowed = process.env.AUTH_LOCAL_ISSUER ? new URL(process.env.AUTH_LOCAL_ISSUER).port : "none";
  const connect = Socket.prototype.connect;
  // Every connection of Node.js, fetch's and TLS as well, goes through here, before any look-up of a name.
  Socket.prototype.connect = function (this: Socket, ...given: unknown[]) {
    const told = JSON.stringify(given);
    if (told.includes(`"port":"${allowed}"`)) return Reflect.apply(connect, this, given);
    console.error(`OUTBOUND ${told}`);
    process.nextTick(() => this.destroy(new Error("this test allows no way out")));
    return this;
  } as typeof connect;
}

/** Repeated headers reach a handler joined, as in Next.js, which also puts in the peer's address. */
createServer({ joinDuplicateHeaders: true }, async (incoming, outgoing) => {
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) headers.set(name, String(value));
  if (!headers.has("x-forwarded-for")) headers.set("x-forwarded-for", incoming.socket.remoteAddress ?? "");
  const request = new Request(`http://${incoming.headers.host}${incoming.url}`, { method: incoming.method, headers });
  const route = routes[`${incoming.method} ${new URL(request.url).pathname}`];
  try {
    const response = (await route?.(request)) ?? new Response(null, { status: 404 });
    for (const [name, value] of response.headers) outgoing.appendHeader(name, value);
    outgoing.writeHead(response.status).end(Buffer.from(await response.arrayBuffer()));
  } catch (error) {
    console.error("UNHANDLED", error);
    outgoing.writeHead(500).end();
  }
}).listen(Number(process.env.PORT), process.env.HOST ?? "127.0.0.1");
