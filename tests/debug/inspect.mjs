// A client of node's inspector, as small as a test needs: node inspect.mjs PORT FILE LINE. It attaches, stops at the
// line when the program comes there, prints {"line", "function", "variables"} as JSON, lets it go on and detaches.
const [port, file, line] = process.argv.slice(2);
const targets = await (await fetch(`http://127.0.0.1:${port}/json/list`)).json();
const socket = new WebSocket(targets[0].webSocketDebuggerUrl);
const waiting = new Map();
let number = 0;
let paused;
const stop = new Promise((resolve) => (paused = resolve));

const ask = (method, params = {}) => {
  socket.send(JSON.stringify({ id: ++number, method, params }));
  return new Promise((resolve) => waiting.set(number, resolve));
};

socket.onmessage = ({ data }) => {
  const message = JSON.parse(data);
  if (message.method === "Debugger.paused") paused(message.params);
  waiting.get(message.id)?.(message.result);
};
setTimeout(() => process.exit(3), 20_000).unref();
await new Promise((resolve) => (socket.onopen = resolve));
await ask("Runtime.enable");
await ask("Debugger.enable");
await ask("Debugger.setBreakpointByUrl", { urlRegex: `${file}$`, lineNumber: Number(line) - 1 });
console.log("attached");
const [frame] = (await stop).callFrames;
const variables = {};
for (const scope of frame.scopeChain.filter((each) => ["local", "block"].includes(each.type))) {
  const { result } = await ask("Runtime.getProperties", { objectId: scope.object.objectId });
  for (const each of result) variables[each.name] ??= each.value?.value;
}
console.log(JSON.stringify({ line: frame.location.lineNumber + 1, function: frame.functionName, variables }));
await ask("Debugger.resume");
socket.close();
