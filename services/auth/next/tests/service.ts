/** The tiny app as a process, an issuer's JWKS, a raw HTTP client. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type Server, createServer } from "node:http";
import { type AddressInfo, connect, createServer as listen } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import * as vectors from "./vectors.ts";

export type Answer = { status: number; headers: Record<string, string>; body: any; cookies: string[] };

export async function freePort(): Promise<number> {
  const server = listen().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Serves a JWKS and counts who asks; can be taken away. */
export class Issuer {
  asked = 0;
  port = 0;
  #server?: Server;

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  async start(): Promise<this> {
    this.port ||= await freePort();
    this.#server = createServer((_, answer) => {
      this.asked += 1;
      answer.end(vectors.jwks());
    }).listen(this.port, "127.0.0.1");
    await once(this.#server, "listening");
    return this;
  }

  async stop() {
    this.#server?.closeAllConnections();
    this.#server?.close();
    if (this.#server) await once(this.#server, "close");
    this.#server = undefined;
  }
}

/** What a service of one configuration finds around it. */
export function environment(name: string, issuerUrl: string): Record<string, string> {
  const app = vectors.APPS[name]!;
  const common = { HOST: "127.0.0.1", SERVICE_AUTH_TOKEN: vectors.SERVICE, SERVICE_AUTH_TOKEN_PREVIOUS: vectors.PREVIOUS, TEST_AUTH_SECRET: vectors.SECRET };
  if (name === "clerk")
    return { ...common, CLERK_JWT_KEY: vectors.PEM.replaceAll("\n", "\\n"), CLERK_ISSUER: app.issuer, AUTH_AUTHORIZED_PARTIES: app.party };
  return { ...common, APP_ENV: name === "local" ? "development" : "test", AUTH_LOCAL_ISSUER: issuerUrl };
}

export type Ended = { code: number | null; opened: boolean; log: string };

/** A process of the app; `conditions` say whether the backdoor is in. */
export class Service {
  log = "";
  readonly process: ChildProcess;
  readonly port: number;

  constructor(port: number, env: Record<string, string>, withBackdoor = true, script = "app.ts") {
    this.port = port;
    const conditions = ["--conditions=react-server", ...(withBackdoor ? ["--conditions=authtest"] : [])];
    const path = new URL(script, import.meta.url).pathname;
    this.process = spawn(process.execPath, [...conditions, path], { env: { ...env, PORT: String(port) } });
    for (const stream of [this.process.stdout, this.process.stderr]) stream?.on("data", (text) => (this.log += text));
  }

  static async start(env: Record<string, string>, withBackdoor = true): Promise<Service> {
    const service = new Service(await freePort(), env, withBackdoor);
    const { code, opened } = await service.settled();
    if (!opened) throw new Error(`did not listen (${code}): ${service.log}`);
    return service;
  }

  /** Once it has ended or listens. */
  async settled(): Promise<Ended> {
    let code: number | null = null;
    this.process.once("close", (ended) => (code = ended ?? -1));
    for (let round = 0; round < 1500 && code === null; round++) {
      if (await this.#answers()) return { code, opened: true, log: this.log };
      await pause(10);
    }
    return { code, opened: false, log: this.log };
  }

  async stop() {
    this.process.kill();
    if (this.process.exitCode === null && this.process.signalCode === null) await once(this.process, "close");
  }

  /** Every header byte for byte over a socket of its own, duplicates and all. */
  async send(method: string, path: string, headers: [string, string][]): Promise<Answer> {
    const socket = connect(this.port, "127.0.0.1");
    const lines = [`${method} ${path} HTTP/1.1`, `Host: 127.0.0.1:${this.port}`, "Connection: close", ...headers.map(([name, value]) => `${name}: ${value}`)];
    socket.write(`${lines.join("\r\n")}\r\n\r\n`);
    const parts: Buffer[] = [];
    for await (const part of socket) parts.push(part as Buffer);
    const raw = Buffer.concat(parts).toString("latin1");
    const [head = "", ...rest] = raw.split("\r\n\r\n");
    const [first = "", ...told] = head.split("\r\n");
    const pairs = told.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 2)] as const);
    const chunked = pairs.some(([name, value]) => name === "transfer-encoding" && value === "chunked");
    const text = chunked ? rest.join("\r\n\r\n").replace(/^[0-9a-f]+\r\n/, "").replace(/\r\n0\r\n(\r\n)?$/, "") : rest.join("\r\n\r\n");
    const cookies = pairs.filter(([name]) => name === "set-cookie").map(([, value]) => value);
    return { status: Number(first.split(" ")[1]), headers: Object.fromEntries(pairs), body: text.startsWith("{") ? JSON.parse(text) : text, cookies };
  }

  get(path: string, headers: [string, string][] = []) {
    return this.send("GET", path, headers);
  }

  #answers(): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = connect(this.port, "127.0.0.1");
      socket.once("connect", () => (socket.destroy(), resolve(true)));
      socket.once("error", () => resolve(false));
    });
  }
}
