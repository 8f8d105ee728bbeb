// What the page can ask for: load, reply and stop. Messages are {id, task, ...}; answers are {id, result} or
// {id, error}, and {id, kind, text} while a reply is written.

const SLICE = 20 // ms between looks at what the page says meanwhile
let stopping = false

// The next token from a number u of [0, 1): as `draw` in the notebook 04a_sampling
function choose(logits, u, temperature, topK) {
  const V = logits.length
  let best = 0
  for (let i = 1; i < V; i++) if (logits[i] > logits[best]) best = i
  if (!(temperature > 0)) return best
  const ids = topK > 0 && topK < V ? largest(logits, topK) : [...logits.keys()]
  const scale = Math.max(temperature, 1e-4)
  let total = 0
  const sums = ids.map(id => total += Math.exp((logits[id] - logits[best])/scale))
  return ids.at(sums.findIndex(sum => sum > Math.min(u, 1 - 1e-6)*total)) // or the last
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

// What an answer's special tokens begin
const KINDS = {python_start: 'python', python_end: 'text', output_start: 'python_output', output_end: 'text'}

// Ids become pieces of text, each of a kind; a letter may take several. After a call of the calculator comes its
// result, whatever the model would choose.
class Answer {
  kind = 'text'
  decoder = newDecoder()
  forced = []
  expression = null
  next(id) { // what the model chose becomes what goes into the row
    if (this.forced.length) return this.forced.shift()
    if (id === special('python_start')) this.expression = []
    else if (id === special('python_end')) {
      const result = this.expression && calculate(decode(this.expression))
      if (result !== null) this.forced = between('output', encode(result))
      this.expression = null
    } else this.expression?.push(id)
    return id
  }
  read(id) {
    const name = tokenizer.names.get(id)
    if (!name) return this.decoder.decode(bytesOf(id), {stream: true})
    this.kind = KINDS[name.slice(2, -2)] ?? this.kind
    this.decoder = newDecoder()
    return ''
  }
}

const channel = new MessageChannel() // a timer would wait for 4 ms
let rested = 0
async function pause() { // now and then, so that the page can speak
  if (performance.now() - rested < SLICE) return
  await new Promise(done => {
    channel.port1.onmessage = done
    channel.port2.postMessage(0)
  })
  rested = performance.now()
}

async function readPrompt(ids) { // in blocks that take about a slice each
  let size = 1, logits = null
  for (let i = 0; i < ids.length && !stopping;) {
    const start = performance.now(), block = ids.slice(i, i + size)
    i += block.length
    logits = feed(block, i >= ids.length)
    size = Math.max(1, Math.min(BLOCK, Math.floor(block.length*SLICE/(performance.now() - start + 1e-3))))
    await pause()
  }
  return logits
}

async function reply({messages, temperature, topK, maxTokens}, say) {
  const start = rested = performance.now(), ids = []
  const most = Math.min(maxTokens, facts.context >> 1)
  const {ids: prompt, dropped, cut} = render(messages, facts.context - most)
  const rest = seek(prompt), ends = [special('assistant_end'), special('bos')]
  const answer = new Answer()
  let logits = await readPrompt(rest), firstAfter = null, full = false
  while (!stopping) {
    const id = answer.next(choose(logits, Math.random(), temperature, topK))
    firstAfter ??= performance.now() - start
    ids.push(id)
    if (ends.includes(id)) break
    const text = answer.read(id)
    if (text || id === special('output_end')) say(answer.kind, text) // or a result's end
    if (full = ids.length >= most) break
    logits = feed([id])
    await pause()
  }
  const seconds = (performance.now() - start)/1000
  return {ids, read: rest.length, firstAfter, seconds, stopped: stopping, full, dropped, cut}
}

const sumOf = async o => btoa(String.fromCharCode(...new Uint8Array(await crypto.subtle.digest('SHA-256', o))))

async function unsealed({header, kernels, weights, seal}) { // what they hold, if they are as written
  try {
    const bytes = [utf8.encode(header), unbase64(kernels), unbase64(weights)], said = JSON.parse(header)
    let sums = ''
    for (const part of crypto.subtle ? bytes : []) sums += await sumOf(part) // http has none
    const whole = !sums || await sumOf(utf8.encode(sums)) === seal
    if (whole && bytes[2].length === said.about.bytes) return [said, ...bytes]
  } catch {} // not even JSON
  throw Error('This file is damaged. Copy or download it again.')
}

async function load({speed, ...parts}) {
  const [header, , code, data] = await unsealed(parts)
  loadTokenizer(header.tokenizer)
  return {speed: loadModel(header, data, speed ?? header.speed, code)}
}

const tasks = {load, reply}

let last = Promise.resolve() // one task after the other
function handle({id, task, ...options}) {
  if (task === 'stop') stopping = true
  else last = last.then(async () => {
    stopping = false
    try {
      post({id, result: await tasks[task](options, (kind, text) => post({id, kind, text}))})
    } catch (e) {
      post({id, error: e.message})
    }
  })
}
