// gRPC's interop cases from Node.js, on @grpc/grpc-js. Prints one line per case.
//
//   node client.mjs service.proto HOST:PORT CASE…
import { createRequire } from 'node:module';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';

// The packages stand where npm put them, which is not beside this file.
const require = createRequire(path.join(process.cwd(), 'node_modules/'));
const grpc = require('@grpc/grpc-js');
const protoLoader = require('@grpc/proto-loader');

const [protoFile, target, ...wanted] = process.argv.slice(2);
const { testing } = grpc.loadPackageDefinition(protoLoader.loadSync(protoFile)).grpc;
const { status } = grpc;
const insecure = grpc.credentials.createInsecure();
const connect = (Service, options) => new Service(target, insecure, options);
const client = connect(testing.TestService);
// A channel that compresses all messages but those that say otherwise. A new one each time: behind
// a server that writes its encodings with spaces between, grpc-js compresses but the first call.
const gzipping = () =>
  connect(testing.TestService, {
    'grpc.default_compression_algorithm': 2,
    'grpc.use_local_subchannel_pool': 1,
  });
const NO_COMPRESS = 2;

const zeros = (size) => ({ body: Buffer.alloc(size) });
const large = { responseSize: 314159, payload: zeros(271828) };
const outputs = (...sizes) => sizes.map((size) => ({ size }));
const lengths = (responses) => responses.map((each) => each.payload.body.length);

function same(what, found, expected) {
  if (!isDeepStrictEqual(found, expected)) {
    throw new Error(`${what}: ${JSON.stringify(found)}, not ${JSON.stringify(expected)}`);
  }
}

/** Make a unary call; resolves with its response, metadata and status. */
function unary(stub, method, request, metadata = new grpc.Metadata(), options = {}) {
  return new Promise((resolve) => {
    const ended = {};
    const call = stub[method](request, metadata, options, (error, response) => {
      ended.error = error;
      ended.response = response;
    });
    call.on('metadata', (head) => (ended.head = head));
    call.on('status', (end) => resolve({ ...ended, status: end }));
  });
}

async function answered(...call) {
  const { error, response } = await unary(...call);
  if (error) throw error;
  return response;
}

/** Follow a stream to its end; `onMessage` is told of each response and the call. */
function followed(call, onMessage = () => {}) {
  return new Promise((resolve) => {
    const responses = [];
    let head;
    call.on('metadata', (metadata) => (head = metadata));
    call.on('data', (response) => onMessage(responses.push(response), call));
    call.on('error', () => {}); // the status says it
    call.on('status', (end) => resolve({ responses, head, status: end }));
  });
}

/** Send messages to StreamingInputCall. */
function streamed(stub, ...messages) {
  return new Promise((resolve, reject) => {
    const call = stub.StreamingInputCall((error, response) =>
      error ? reject(error) : resolve(response.aggregatedPayloadSize),
    );
    for (const message of messages) call.write(message);
    call.end();
  });
}

const EXCHANGES = [[31415, 27182], [9, 8], [2653, 1828], [58979, 45904]];
const duplexMessage = (size, sent) => ({ responseParameters: outputs(size), payload: zeros(sent) });

const cases = {
  async empty_unary() {
    same('response', await answered(client, 'EmptyCall', {}), {});
  },
  async large_unary(stub = client) {
    same('size', (await answered(stub, 'UnaryCall', large)).payload.body.length, 314159);
  },
  async client_compressed_unary() {
    const probe = await unary(client, 'UnaryCall', { ...large, expectCompressed: { value: true } });
    same('status of the probe', probe.status.code, status.INVALID_ARGUMENT);
    for (const [stub, value] of [[gzipping(), true], [client, false]]) {
      const response = await answered(stub, 'UnaryCall', { ...large, expectCompressed: { value } });
      same('size', response.payload.body.length, 314159);
    }
  },
  async server_compressed_unary() {
    for (const value of [true, false]) {
      const asked = { ...large, responseCompressed: { value } };
      // Whether it came compressed, grpc-js keeps to itself.
      const response = await answered(client, 'UnaryCall', asked);
      same('size', response.payload.body.length, 314159);
    }
  },
  async client_streaming() {
    const messages = [27182, 8, 1828, 45904].map((size) => ({ payload: zeros(size) }));
    same('size', await streamed(client, ...messages), 74922);
  },
  async client_compressed_streaming() {
    const message = (value, size) => ({ expectCompressed: { value }, payload: zeros(size) });
    const probe = await streamed(client, message(true, 27182)).catch((error) => error.code);
    same('status of the probe', probe, status.INVALID_ARGUMENT);
    const size = await new Promise((resolve, reject) => {
      const call = gzipping().StreamingInputCall((error, response) =>
        error ? reject(error) : resolve(response.aggregatedPayloadSize),
      );
      call.write(message(true, 27182));
      call.write(message(false, 45904), NO_COMPRESS);
      call.end();
    });
    same('size', size, 73086);
  },
  async server_streaming() {
    const sizes = [31415, 9, 2653, 58979];
    const call = client.StreamingOutputCall({ responseParameters: outputs(...sizes) });
    const { responses, status: end } = await followed(call);
    same('sizes', lengths(responses), sizes);
    same('status', end.code, status.OK);
  },
  async server_compressed_streaming() {
    const [first, second] = outputs(31415, 92653);
    const call = client.StreamingOutputCall({
      responseParameters: [
        { ...first, compressed: { value: true } },
        { ...second, compressed: { value: false } },
      ],
    });
    const { responses, status: end } = await followed(call);
    same('sizes', lengths(responses), [31415, 92653]);
    same('status', end.code, status.OK);
  },
  async ping_pong() {
    const call = client.FullDuplexCall();
    const send = (place) =>
      place < EXCHANGES.length ? call.write(duplexMessage(...EXCHANGES[place])) : call.end();
    send(0);
    const { responses, status: end } = await followed(call, send);
    same('sizes', lengths(responses), EXCHANGES.map(([size]) => size));
    same('status', end.code, status.OK);
  },
  async empty_stream() {
    const call = client.FullDuplexCall();
    call.end();
    const { responses, status: end } = await followed(call);
    same('responses', responses, []);
    same('status', end.code, status.OK);
  },
  async custom_metadata() {
    const trailing = Buffer.from([0xab, 0xab, 0xab]);
    const metadata = new grpc.Metadata();
    metadata.set('x-grpc-test-echo-initial', 'test_initial_metadata_value');
    metadata.set('x-grpc-test-echo-trailing-bin', trailing);
    const call = client.FullDuplexCall(metadata);
    const duplex = followed(call, () => call.end());
    call.write(duplexMessage(314159, 271828));
    const ends = [duplex, unary(client, 'UnaryCall', large, metadata)];
    for (const { head, status: end } of await Promise.all(ends)) {
      const initial = head.get('x-grpc-test-echo-initial');
      same('initial', initial, ['test_initial_metadata_value']);
      same('trailing', end.metadata.get('x-grpc-test-echo-trailing-bin'), [trailing]);
    }
  },
  async status_code_and_message() {
    const responseStatus = { code: 2, message: 'test status message' };
    const call = client.FullDuplexCall();
    const ends = [followed(call), unary(client, 'UnaryCall', { responseStatus })];
    call.write({ responseStatus });
    call.end();
    for (const { status: end } of await Promise.all(ends)) {
      same('status', [end.code, end.details], [2, 'test status message']);
    }
  },
  async special_status_message() {
    const message = '\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n';
    const { status: end } = await unary(client, 'UnaryCall', {
      responseStatus: { code: 2, message },
    });
    same('status', [end.code, end.details], [2, message]);
  },
  async unimplemented_method() {
    const { status: end } = await unary(client, 'UnimplementedCall', {});
    same('status', end.code, status.UNIMPLEMENTED);
  },
  async unimplemented_service() {
    const stub = connect(testing.UnimplementedService);
    const { status: end } = await unary(stub, 'UnimplementedCall', {});
    stub.close();
    same('status', end.code, status.UNIMPLEMENTED);
  },
  async cancel_after_begin() {
    const code = await new Promise((resolve) => {
      const call = client.StreamingInputCall((error) => resolve(error?.code));
      setImmediate(() => call.cancel());
    });
    same('status', code, status.CANCELLED);
  },
  async cancel_after_first_response() {
    const call = client.FullDuplexCall();
    call.write(duplexMessage(31415, 27182));
    const { status: end } = await followed(call, () => call.cancel());
    same('status', end.code, status.CANCELLED);
  },
  async timeout_on_sleeping_server() {
    const call = client.FullDuplexCall({ deadline: Date.now() + 1 });
    call.write({ payload: zeros(27182) });
    const { status: end } = await followed(call);
    same('status', end.code, status.DEADLINE_EXCEEDED);
  },
  async rpc_soak() {
    for (let turn = 0; turn < 20; turn += 1) await cases.large_unary();
  },
  async channel_soak() {
    for (let turn = 0; turn < 20; turn += 1) {
      const stub = connect(testing.TestService, { 'grpc.use_local_subchannel_pool': 1 });
      await cases.large_unary(stub);
      stub.close();
    }
  },
};

for (const name of wanted) {
  try {
    if (!cases[name]) throw new Error('there is no such case');
    const late = new Promise((_, reject) => setTimeout(reject, 20_000, new Error('no end')).unref());
    await Promise.race([cases[name](), late]);
    console.log(`${name}: ok`);
  } catch (error) {
    console.log(`${name}: ${String(error.message).replaceAll('\n', ' ')}`);
  }
}
process.exit(0);
