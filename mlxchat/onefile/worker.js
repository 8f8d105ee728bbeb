// What the page can ask for: load, reply, stop, and a few things for tests. Messages are {id, task, ...}; answers are
// {id, result} or {id, error}, and {id, kind, text} while a reply is written.

const SLICE = 20 // ms between looks at what the page says meanwhile
let stopping = false
let busy = null

// The next token from a number u of [0, 1): as `draw` in the notebook 04a_sampling
function choose(logits, u, temperature, topK) {
  const V = logits.length
  let best = 0
  for (let i = 1; i < V; i++) if (logits[i] > logits[best]) best = i
  if (!(temperature > 0) || topK === 1) return best
  const ids = topK > 0 && topK < V ? largest(logits, topK) : Array.from({length: V}, (_, i) => i)
  const scale = Math.max(temperature, 1e-4)
  let total = 0
  const sums = ids.map(id => total += Math.exp((logits[id] - logits[best])/scale))
  const at = sums.findIndex(sum => sum > Math.min(u, 1 - 1e-6)*total)
  return ids[at < 0 ? ids.length - 1 : at]
}

function largest(logits, k) { // ids of the k largest, in the order of the ids
  const ids = [] // the best first
  for (let i = 0; i < logits.length; i++) {
    if (ids.length === k && !(logits[i] > logits[ids[k - 1]])) continue
    let at = Math.min(ids.length, k - 1)
    for (; at > 0 && logits[ids[at - 1]] < logits[i]; at--) ids[at] = ids[at - 1]
    ids[at] = i
  }
  return ids.sort((a, b) => a - b)
}

// Is the model writing, or calling the calculator? Then it is told the result.
class Tools {
  forced = []
  expression = null
  next(id) { // what the model chose becomes what goes into the row
    if (this.forced.length) return this.forced.shift()
    if (id === special('python_start')) this.expression = []
    else if (id === special('python_end')) {
      const result = this.expression?.length ? calculate(decode(this.expression)) : null
      if (result !== null) this.forced.push(special('output_start'), ...encode(result), special('output_end'))
      this.expression = null
    } else if (this.expression) this.expression.push(id)
    return id
  }
}

// Tokens become pieces of text, each of a kind; a letter may take several tokens
class TextStream {
  kind = 'text'
  decoder = newDecoder()
  kinds = new Map(Object.entries({
    python_start: 'python', python_end: 'text', output_start: 'python_output', output_end: 'text'
  }).map(([name, kind]) => [special(name), kind]))
  read(id) {
    if (!tokenizer.names.has(id)) return this.decoder.decode(bytesOf(id), {stream: true})
    this.kind = this.kinds.get(id) ?? this.kind
    this.decoder = newDecoder()
    return ''
  }
}

const channel = new MessageChannel() // a timer would wait for 4 ms
const otherTasks = () => new Promise(done => {
  channel.port1.onmessage = done
  channel.port2.postMessage(0)
})

class Pauses { // let the page speak now and then
  last = performance.now()
  async take() {
    if (performance.now() - this.last < SLICE) return
    await otherTasks()
    this.last = performance.now()
  }
}

async function readPrompt(ids, pauses) { // in blocks that take about a slice each
  let size = 1, logits = null
  for (let i = 0; i < ids.length && !stopping;) {
    const start = performance.now(), block = ids.slice(i, i + size)
    i += block.length
    logits = feed(block, i >= ids.length)
    size = Math.max(1, Math.min(BLOCK, Math.floor(block.length*SLICE/(performance.now() - start + 1e-3))))
    await pauses.take()
  }
  return logits
}

async function reply({messages, temperature = .7, topK = 50, maxTokens = 1024}, say) {
  const start = performance.now(), pauses = new Pauses(), ids = []
  const most = Math.max(1, Math.min(maxTokens, facts.context >> 1))
  const {ids: prompt, dropped, cut} = render(messages, facts.context - most)
  const rest = seek(prompt), tools = new Tools(), stream = new TextStream()
  const ends = [special('assistant_end'), special('bos')]
  let logits = await readPrompt(rest, pauses), first = null
  while (!stopping) {
    const id = tools.next(choose(logits, Math.random(), temperature, topK))
    first ??= performance.now()
    ids.push(id)
    if (ends.includes(id)) break
    const text = stream.read(id)
    if (text) say(stream.kind, text)
    if (ids.length >= most) break
    logits = feed([id])
    await pauses.take()
  }
  const seconds = (performance.now() - start)/1000, firstAfter = first === null ? null : first - start
  return {ids, read: rest.length, firstAfter, seconds, stopped: stopping, dropped, cut}
}

function load({header, data, code, speed}) {
  if (header.version !== 1) throw Error(`this page is of version ${header.version}, its program of version 1`)
  const start = performance.now(), bytes = unbase64(data), decoded = performance.now()
  speed = loadModel(header, bytes, speed ?? header.speed, code)
  loadTokenizer(header.tokenizer)
  return {speed, decode: decoded - start, unpack: performance.now() - decoded}
}

function bench({n = 100, at = 0}) { // tokens a second: reading 256, and writing n after `at`
  const some = k => Array.from({length: k}, (_, i) => (i*7919 + 13) % config.vocab_size)
  const rate = (k, work) => {
    const start = performance.now()
    work()
    return k/(performance.now() - start)*1000
  }
  goTo(0)
  feed(some(64)) // warm up
  for (let i = 0; i < 20; i++) feed([i])
  goTo(0)
  const reading = rate(256, () => feed(some(256)))
  if (at > 256) feed(some(at - 256))
  const writing = rate(n, () => some(n).forEach(id => feed([id])))
  goTo(0)
  return {reading, writing}
}

function logitsOf({ids, block}) { // after every token, or after the last one only
  goTo(0)
  return block ? [Array.from(feed(ids))] : ids.map(id => Array.from(feed([id])))
}

function classes() { // where letters, numbers and white space begin and end among all code points
  const out = {L: [], N: [], S: []}
  for (const [name, pattern] of [['L', /^\p{L}$/u], ['N', /^\p{N}$/u], ['S', /^\p{White_Space}$/u]]) {
    let inside = false
    for (let point = 0; point <= 0x110000; point++) {
      const is = point < 0x110000 && pattern.test(String.fromCodePoint(point))
      if (is !== inside) out[name].push(point)
      inside = is
    }
  }
  return out
}

const tasks = {
  load, reply, bench, classes, logits: logitsOf,
  encode: ({texts}) => texts.map(encode),
  decode: ({rows}) => rows.map(decode),
  split: ({texts}) => texts.map(text => text.match(tokenizer.pattern) ?? []),
  render: ({messages, room}) => render(messages, room),
  choose: ({logits, us, temperature, topK}) => us.map(u => choose(logits, u, temperature, topK)),
  calculate: ({texts}) => texts.map(calculate),
}

async function handle({id, task, ...options}) {
  if (task === 'stop') {
    stopping = true
    return
  }
  while (busy) await busy
  let free
  busy = new Promise(done => free = done)
  stopping = false
  try {
    const result = await tasks[task](options, (kind, text) => post({id, kind, text}))
    post({id, result})
  } catch (e) {
    post({id, error: String(e?.message || e)})
  }
  busy = null
  free()
}
