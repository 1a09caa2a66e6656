// Calls tools from Node.js, with nothing generated: one unary call, one stream, one failure.
//
// Run it beside a mesh with the examples:
//   cd examples/node && npm install && node client.mjs [HOST:PORT]
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';

const here = path.dirname(fileURLToPath(import.meta.url));
const definition = protoLoader.loadSync('mcpmesh/v1/invoke.proto', {
  includeDirs: [path.join(here, '../../protos')],
  oneofs: true, // answer.outcome and event.event name the member that is set
});
const { ToolService } = grpc.loadPackageDefinition(definition).mcpmesh.v1;
const target = process.argv[2] ?? '127.0.0.1:7070';
const tools = new ToolService(target, grpc.credentials.createInsecure());

/** Write a call; arguments travel as JSON bytes. */
function request(tool, args) {
  return { tool, arguments: Buffer.from(JSON.stringify(args)) };
}

function invoke(tool, args) {
  const metadata = new grpc.Metadata();
  metadata.set('mcp-name', tool); // with it, the router need not open the message
  return new Promise((resolve, reject) => {
    tools.Invoke(request(tool, args), metadata, { deadline: Date.now() + 5000 }, (error, answer) =>
      error ? reject(error) : resolve(answer.result),
    );
  });
}

const month = await invoke('weather_month', { year: 2012, month: 7 });
console.log('unary:', JSON.parse(month.structuredContent));

let prices = 0;
for await (const event of tools.InvokeStream(request('prices', { symbol: 'MSFT', delay: 0 }))) {
  if (event.event === 'content') prices += 1;
}
console.log('server streaming:', prices, 'prices');

const refused = await invoke('flaky', { how: 'refuse' });
console.log("a tool's failure is a result:", refused.content[0].text.text);

try {
  await invoke('wether_month', {});
} catch (error) {
  console.log('an unknown tool is a status:', grpc.status[error.code], error.details);
}
tools.close();
