import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Two platforms side by side must not share a build, so the tool gives each its own directory. */
const distDir = process.env.NEXT_DIST_DIR || ".next";
let tsconfigPath = "tsconfig.json";
if (process.env.NEXT_DIST_DIR) {
  // Next adds its directory of types to the tsconfig it reads; the committed one is not to change with every instance.
  const folder = "node_modules/.cache/tsconfig";
  tsconfigPath = `${folder}/${process.env.NEXT_DIST_DIR.replaceAll("/", "-")}.json`;
  mkdirSync(folder, { recursive: true });
  if (!existsSync(tsconfigPath)) writeFileSync(tsconfigPath, JSON.stringify({ extends: "../../../tsconfig.json" }));
}

/** `services/`, which holds the kit of ../auth/next, too. */
const root = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");
const inTests = process.env.APP_ENV === "test" && process.env.NODE_ENV !== "production"; // a built server never has the backdoor

const config = {
  distDir,
  output: process.env.NEXT_OUTPUT || undefined, // "standalone" for the image
  outputFileTracingRoot: root,
  turbopack: {
    root,
    resolveAlias: inTests ? { "#auth-testing": "../auth/next/testing/backdoor.ts" } : {},
  },
  typescript: { tsconfigPath },
  devIndicators: false,
  allowedDevOrigins: ["127.0.0.1", "localhost"],
};

export default config;
