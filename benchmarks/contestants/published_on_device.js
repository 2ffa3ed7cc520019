// On-device decisions of target-nodejs-sdk: `node published_on_device.js FOLDER FUNCTION`, where the folder has its
// node_modules. It takes the same commands as benchmarks/worker.py.
"use strict";

const { readFileSync } = require("node:fs");
const { createRequire } = require("node:module");
const { createInterface } = require("node:readline");

const [folder, what] = process.argv.slice(2);
const TargetClient = createRequire(`${folder}/`)("@adobe/target-nodejs-sdk");

const requests = {
  mbox: ({ mbox }) => ({ prefetch: { mboxes: [{ name: mbox, index: 0 }] } }),
  page_load: ({ context }) => ({ context, prefetch: { pageLoad: {} } }),
};

let visitors = 0;

function cookie() {
  const id = (visitors++).toString(16).padStart(32, "0");
  return `session#${id}#4102444800|PC#${id}#4102444800`;
}

async function main() {
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const setup = JSON.parse((await lines.next()).value);
  const client = await new Promise((resolve) => {
    const made = TargetClient.create({
      client: "demo",
      organizationId: "demo@AdobeOrg",
      decisioningMethod: "on-device",
      artifactPayload: JSON.parse(readFileSync(setup.artifact, "utf8")),
      pollingInterval: 0,
      targetLocationHint: "35", // Without one it asks the edge for it.
      telemetryEnabled: false,
      logger: { debug() {}, error: console.error },
      events: { clientReady: () => setImmediate(() => resolve(made)) },
    });
  });
  const once = () => client.getOffers({ request: requests[what](setup), targetCookie: cookie() });
  const { prefetch } = (await once()).response;
  if (!(prefetch.pageLoad || prefetch.mboxes[0]).options.length) throw new Error("There is no offer to decide.");
  for (let call = 0; call < 1000; call++) await once();
  for await (const line of lines) {
    const start = process.hrtime.bigint();
    for (let call = 0; call < Number(line); call++) await once();
    console.log(Number(process.hrtime.bigint() - start) / 1e9);
  }
}

main();
