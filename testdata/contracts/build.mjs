// Compiles every contract in src/ and writes build/NAME.json (and
// build/ir/NAME.json for those also compiled through the intermediate
// representation): creation and runtime code as hex, selectors, storage layout.
//
//   npm ci && node build.mjs            writes build/
//   npm ci && node build.mjs --check    fails if build/ differs

import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import solc from "solc";

const here = dirname(fileURLToPath(import.meta.url));
const settings = {
  evmVersion: "osaka",
  optimizer: { enabled: true, runs: 200 },
  // Without metadata the code depends on nothing but source and settings.
  metadata: { appendCBOR: false, bytecodeHash: "none" },
};
// Compiled a second time through the IR, whose code looks quite different.
const viaIR = ["Token", "Router", "Marketplace", "Registry"];

const sources = Object.fromEntries(
  readdirSync(join(here, "src"))
    .sort()
    .map((name) => [name, { content: readFileSync(join(here, "src", name), "utf8") }]),
);

function compile(extra) {
  const outputs = ["evm.bytecode.object", "evm.deployedBytecode.object", "evm.methodIdentifiers", "storageLayout"];
  const input = {
    language: "Solidity",
    sources,
    settings: { ...settings, ...extra, outputSelection: { "*": { "*": outputs } } },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  for (const { severity, formattedMessage } of output.errors ?? []) {
    if (severity === "error" || !formattedMessage.includes("selfdestruct")) throw new Error(formattedMessage);
  }
  return Object.entries(output.contracts).flatMap(([source, contracts]) =>
    Object.entries(contracts).map(([name, contract]) => ({ source, name, contract })),
  );
}

function artifact({ source, name, contract }, extra) {
  return {
    contract: name,
    source,
    compiler: solc.version(),
    settings: { evmVersion: settings.evmVersion, optimizerRuns: settings.optimizer.runs, viaIR: false, ...extra },
    creation: `0x${contract.evm.bytecode.object}`,
    runtime: `0x${contract.evm.deployedBytecode.object}`,
    selectors: contract.evm.methodIdentifiers,
    storage: Object.fromEntries(
      contract.storageLayout.storage.map(({ label, slot, offset, type }) => [label, { slot: Number(slot), offset, type: contract.storageLayout.types[type].label }]),
    ),
  };
}

const files = new Map();
for (const compiled of compile({})) {
  if (compiled.contract.evm.bytecode.object !== "") {
    files.set(`build/${compiled.name}.json`, artifact(compiled, {}));
  }
}
for (const compiled of compile({ viaIR: true })) {
  if (viaIR.includes(compiled.name)) {
    files.set(`build/ir/${compiled.name}.json`, artifact(compiled, { viaIR: true }));
  }
}

let stale = 0;
for (const [name, value] of files) {
  const text = `${JSON.stringify(value, null, 1)}\n`;
  const path = join(here, name);
  if (process.argv.includes("--check")) {
    let committed = "";
    try {
      committed = readFileSync(path, "utf8");
    } catch {}
    if (committed !== text) {
      console.error(`${name} is stale`);
      stale += 1;
    }
  } else {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}
console.error(`${files.size} artifacts, ${stale} stale`);
process.exit(stale === 0 ? 0 : 1);
