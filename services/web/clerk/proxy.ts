/** Clerk's handshake: fetches a session that ended or began elsewhere, before a page is answered. */
import { clerkMiddleware } from "@clerk/nextjs/server";
import type { NextFetchEvent, NextRequest } from "next/server";

const handshake = clerkMiddleware({ publishableKey: process.env.CLERK_PUBLISHABLE_KEY, jwtKey: process.env.CLERK_JWT_KEY });

export async function proxy(request: NextRequest, event: NextFetchEvent) {
  const response = await handshake(request, event);
  // Clerk rewrites to the same address to hand on its headers, and Next writes 127.0.0.1 as localhost there:
  // it would call itself as if it were another server.
  if (response?.headers.has("x-middleware-rewrite")) {
    response.headers.delete("x-middleware-rewrite");
    response.headers.set("x-middleware-next", "1");
  }
  return response;
}
