// The TypeScript clients: @modelcontextprotocol/client (2.x, both eras) and
// @modelcontextprotocol/sdk (1.x, legacy). Arguments: PACKAGES MAJOR TARGET ERA, where PACKAGES is
// the folder with node_modules and TARGET a URL, or a command as JSON.
import { randomUUID } from 'node:crypto'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { deepStrictEqual as same } from 'node:assert'

const [packages, major, target, era] = process.argv.slice(2)
const PATIENCE = 30_000
const require = createRequire(`${packages}/package.json`)
const load = async (name) => import(pathToFileURL(require.resolve(name)).href)
const about = { name: 'interop', version: '1' }
const capabilities = { elicitation: { form: {} } }

function accept (request) {
  const [wanted] = Object.keys(request.params.requestedSchema.properties)
  return { action: 'accept', content: { [wanted]: 'Ada' } }
}

async function opened () {
  let client, Http, Sse, Stdio
  if (major === '2') {
    const whole = await load('@modelcontextprotocol/client')
    const mode = era === 'modern' ? { pin: '2026-07-28' } : 'legacy'
    client = new whole.Client(about, { capabilities, versionNegotiation: { mode } })
    client.setRequestHandler('elicitation/create', accept)
    Http = whole.StreamableHTTPClientTransport
    Sse = whole.SSEClientTransport
    Stdio = (await load('@modelcontextprotocol/client/stdio')).StdioClientTransport
  } else {
    const sdk = '@modelcontextprotocol/sdk'
    client = new (await load(`${sdk}/client/index.js`)).Client(about, { capabilities })
    client.setRequestHandler((await load(`${sdk}/types.js`)).ElicitRequestSchema, accept)
    Http = (await load(`${sdk}/client/streamableHttp.js`)).StreamableHTTPClientTransport
    Sse = (await load(`${sdk}/client/sse.js`)).SSEClientTransport
    Stdio = (await load(`${sdk}/client/stdio.js`)).StdioClientTransport
  }
  if (target.startsWith('http')) {
    const Web = target.endsWith('/sse') ? Sse : Http
    await client.connect(new Web(new URL(target)))
  } else {
    const [command, ...args] = JSON.parse(target)
    await client.connect(new Stdio({ command, args, env: process.env }))
  }
  return client
}

const client = await opened()
// 1.x takes the result's schema before the options.
const call = (name, args = {}, options = {}) => {
  const params = { name, arguments: args }
  return major === '2'
    ? client.callTool(params, options)
    : client.callTool(params, undefined, options)
}
const text = (result) => result.content[0].text

const CHECKS = {
  'tools/list': async () => {
    const names = (await client.listTools()).tools.map((tool) => tool.name)
    same(names, [...names].sort())
    same(names.includes('add'), true)
  },
  'tools/call': async () => {
    same((await call('add', { a: 1, b: 2 })).structuredContent, { sum: 3 })
    const many = [...Array(20).keys()]
    const told = await Promise.all(many.map((a) => call('add', { a, b: 1 })))
    same(told.map((each) => each.structuredContent.sum), many.map((a) => a + 1))
  },
  'image content': async () => {
    const [block] = (await call('picture')).content
    same([block.type, block.mimeType], ['image', 'image/png'])
  },
  'tool failure': async () => {
    const told = await call('fails')
    same([told.isError, text(told)], [true, 'this tool fails'])
  },
  'unknown tool': async () => {
    const told = await call('nix').catch((error) => error)
    same(told instanceof Error && told.message.includes('nix'), true)
  },
  resources: async () => {
    const uris = (await client.listResources()).resources.map((each) => each.uri)
    same(uris, ['books://all'])
    same((await client.readResource({ uri: 'books://all' })).contents[0].text, 'Emma, Ulysses')
  },
  'resource templates': async () => {
    const templates = (await client.listResourceTemplates()).resourceTemplates
    same(templates.map((each) => each.uriTemplate), ['books://{title}/page/{number}'])
    const read = await client.readResource({ uri: 'books://Emma/page/2' })
    same(read.contents[0].text, 'page 2 of Emma')
  },
  prompts: async () => {
    same((await client.listPrompts()).prompts.map((each) => each.name), ['review'])
    const got = await client.getPrompt({ name: 'review', arguments: { title: 'Emma' } })
    same(got.messages[0].content.text, 'Review Emma.')
  },
  completion: async () => {
    const told = await client.complete({
      ref: { type: 'ref/prompt', name: 'review' },
      argument: { name: 'title', value: 'Ul' }
    })
    same(told.completion.values, ['Ulysses'])
  },
  progress: async () => {
    const heard = []
    const onprogress = ({ progress, total }) => heard.push([progress, total])
    same(text(await call('count', { steps: 3 }, { onprogress })), 'counted')
    same(heard, [[1, 3], [2, 3], [3, 3]])
  },
  elicitation: async () => {
    same(text(await call('greet')), 'Hello, Ada!')
  },
  cancellation: async () => {
    const key = randomUUID()
    const giveUp = new AbortController()
    const waiting = call('wait', { key }, { signal: giveUp.signal }).catch((error) => error)
    same(text(await call('began', { key })), 'yes')
    giveUp.abort('given up')
    same((await waiting) instanceof Error || (await waiting) === 'given up', true)
    same(text(await call('cancelled', { key })), 'yes')
  }
}

for (const [name, check] of Object.entries(CHECKS)) {
  let late
  const tooLate = new Promise((resolve, reject) => {
    late = setTimeout(reject, PATIENCE, new Error(`nothing within ${PATIENCE} ms`))
  })
  let wrong = ''
  try {
    await Promise.race([check(), tooLate])
  } catch (error) {
    wrong = String(error?.message ?? error) || '?'
  }
  clearTimeout(late)
  console.log(JSON.stringify({ case: name, wrong }))
}
await client.close()
