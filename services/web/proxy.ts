/** Renews the session's token, which lives a minute, before a request is answered. No boundary: pages and handlers check. */
import { type NextFetchEvent, type NextRequest, NextResponse } from "next/server";
import { renew } from "platform-auth/local";
import { auth } from "./lib/auth";

export const config = { matcher: ["/((?!_next/|api/).*)"] };

export async function proxy(request: NextRequest, event: NextFetchEvent) {
  if (auth.settings.mode === "clerk") return process.env.CLERK_SECRET_KEY ? (await import("./clerk/proxy")).proxy(request, event) : undefined;
  const renewed = await renew(auth, request.headers);
  if (!renewed) return NextResponse.next();
  const headers = new Headers(request.headers);
  const others = (headers.get("cookie") ?? "").split(/; */).filter((pair) => !/^__session=/.test(pair));
  headers.set("cookie", [...others, ...(renewed.token ? [`__session=${renewed.token}`] : [])].join("; "));
  const response = NextResponse.next({ request: { headers } });
  for (const cookie of renewed.setCookies) response.headers.append("Set-Cookie", cookie);
  return response;
}
