/** Secrets in files: what is read, and what is refused without a value in the message. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { secretFiles } from "../lib/auth/secret-files.ts";
import { read } from "../lib/auth/settings.ts";

const TOKEN = `svc_${"a".repeat(43)}`;
const made: string[] = [];
const place = () => {
  const directory = mkdtempSync(join(tmpdir(), "secret-"));
  made.push(directory);
  return join(directory, "s");
};
after(() => made.forEach((directory) => rmSync(directory, { recursive: true })));

test("a secret comes from its file without the last line break", () => {
  for (const [content, want] of [["one", "one"], ["one\n", "one"], ["one\r\n", "one"], ["one\n\n", "one\n"]] as const) {
    const path = place();
    writeFileSync(path, content);
    assert.deepEqual(secretFiles({ A_FILE: path, SSL_CERT_FILE: "/nowhere" }, ["A", "B"]), { A: want });
    assert.deepEqual(secretFiles({ A: want, A_FILE: path }, ["A"]), { A: want });
    assert.throws(() => secretFiles({ A: "other-value", A_FILE: path }, ["A"]), /^Error: A and A_FILE are both set, and differ \(unset one of them\)$/);
  }
  const path = place();
  writeFileSync(path, `${TOKEN}\n`);
  const env = { APP_ENV: "development", AUTH_LOCAL_ISSUER: "http://issuer:1", SERVICE_AUTH_TOKEN_FILE: path };
  assert.deepEqual(read(env, []).serviceTokens, [TOKEN]);
});

test("a file that holds no secret is refused", () => {
  const kinds: [string, (path: string) => void][] = [
    ["cannot be read: ENOENT", () => undefined],
    ["is not a file", (path) => mkdirSync(path)],
    ["is not a file", (path) => void execFileSync("mkfifo", [path])],
    ["cannot be read: ELOOP", (path) => symlinkSync(path, path)],
    ["is larger than", (path) => writeFileSync(path, "x".repeat(65537))],
    ["is empty", (path) => writeFileSync(path, "\n")],
    ["is not UTF-8", (path) => writeFileSync(path, Buffer.from([0xff, 0xfe]))],
  ];
  for (const [why, make] of kinds) {
    const path = place();
    make(path);
    assert.throws(() => secretFiles({ A_FILE: path }, ["A"]), (error: Error) => error.message.startsWith(`A_FILE: ${path} ${why}`));
  }
});
