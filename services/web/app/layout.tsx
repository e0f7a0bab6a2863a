import { connection } from "next/server";
import type { ReactNode } from "react";
import { auth } from "../lib/auth";
import "./style.css";

export const metadata = { title: "Shop" };

export default async function Layout({ children }: { children: ReactNode }) {
  await connection(); // the mode is that of the running server, not of the build
  return (
    <html lang="en">
      <body>{await inMode(children)}</body>
    </html>
  );
}

/** Clerk's provider throws without keys, so it is loaded in clerk mode alone. */
async function inMode(children: ReactNode) {
  if (auth.settings.mode !== "clerk" || !process.env.CLERK_PUBLISHABLE_KEY) return children;
  const { Provider } = await import("../clerk/provider");
  return <Provider>{children}</Provider>;
}
