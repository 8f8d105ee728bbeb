// The forward pass of the notebook 00_model, with a KV cache: float32 arithmetic on weights of 8, 16 or 32 bits.
// speed 'js': plain loops; 'simd': float32 products in WebAssembly; 'int8': weights of 8 bits times activations of 16.
// Arrays of the last two lie in the memory of the kernels, see the notebook wasm_kernels.

const BLOCK = 32 // tokens that are read together, at most
const SPARE = 257 // tokens before the window that the cache keeps at least, to go back a little

let config, facts // as in the header: the configuration, and what follows from it
let E, D, KV // sizes of the stream, a head, and a position's keys
let kernels = null
let model = null
let watcher = null // see lens.js

const unbase64 = text => Uint8Array.fromBase64?.(text) ?? Uint8Array.from(atob(text), letter => letter.charCodeAt())

const halves = Float32Array.from({length: 65536}, (_, bits) => { // every 16-bit float as a float32
  const sign = bits >> 15 ? -1 : 1, exponent = bits >> 10 & 31, fraction = bits & 1023
  return sign*(exponent ? (1 + fraction/1024)*2**(exponent - 15) : fraction*2**-24)
})

const groupsOf = tensor => Math.ceil(tensor.cols/tensor.group) // scales of a row

function decodeRows(tensor, first = 0, rows = tensor.rows, out = new Float32Array(rows*tensor.cols)) { // as float32
  const {kind, cols, at, scales, group} = tensor, data = model.data, groups = groupsOf(tensor)
  const Kind = {f32: Float32Array, f16: Uint16Array, q8: Int8Array}[kind]
  const stored = new Kind(data, at + first*cols*Kind.BYTES_PER_ELEMENT, rows*cols)
  if (kind === 'f32') out.set(stored)
  else if (kind === 'f16') stored.forEach((bits, i) => out[i] = halves[bits])
  else {
    const factors = new Float32Array(data, scales + 4*first*groups, rows*groups)
    stored.forEach((q, i) => out[i] = q*factors[Math.floor(i/cols)*groups + Math.floor(i % cols/group)])
  }
  return out
}

// First everything says what it wants, so that memory is made once, of the right size
let wanted, room // arrays to hand out, and their bytes
function want(owner, name, length, Kind = Float32Array) {
  const at = room
  room = Math.ceil((at + length*Kind.BYTES_PER_ELEMENT)/16)*16
  wanted.push(buffer => owner[name] = new Kind(buffer, at, length))
}
function provide(code) {
  const memory = code ? new WebAssembly.Memory({initial: Math.ceil(room/65536)}) : {buffer: new ArrayBuffer(room)}
  kernels = code && new WebAssembly.Instance(code, {page: {memory}}).exports
  for (const hand of wanted) hand(memory.buffer)
}

function matrix(...tensors) { // matrices of the same input, one below the other
  const {cols, group} = tensors[0]
  const rows = tensors.reduce((sum, tensor) => sum + tensor.rows, 0)
  const int8 = model.speed === 'int8' && tensors.every(tensor => tensor.kind === 'q8')
  const m = {tensors, rows, cols, group, int8}
  want(m, 'weights', rows*cols, int8 ? Int8Array : Float32Array)
  if (int8) want(m, 'scales', rows*groupsOf(m))
  model.matrices.push(m)
  return m
}
function fill({tensors, cols, int8, weights, scales}) {
  let row = 0
  for (const tensor of tensors) {
    const {rows} = tensor, groups = groupsOf(tensor)
    if (int8) {
      weights.set(new Int8Array(model.data, tensor.at, rows*cols), row*cols)
      scales.set(new Float32Array(model.data, tensor.scales, rows*groups), row*groups)
    } else decodeRows(tensor, 0, rows, weights.subarray(row*cols))
    row += rows
  }
}

function loadModel(header, data, speed, code) {
  ({config, facts} = header)
  wanted = []
  room = 1024
  E = config.n_embd
  D = facts.head_dim
  KV = config.n_kv_head*D
  let program
  try {
    if (speed !== 'js') program = new WebAssembly.Module(code)
  } catch {} // WebAssembly or its vectors are missing
  model = {speed: program ? speed : 'js', data: data.buffer, layers: [], matrices: [], ids: []}
  const byName = Object.fromEntries(header.tensors.map(tensor => [tensor.name, tensor]))
  const vector = tensor => tensor && decodeRows(tensor)
  Object.assign(model, {
    embeddings: byName.wte, valueEmbeddings: byName.value_embeds,
    head: matrix(config.tied ? byName.wte : byName.lm_head),
    finalNorm: vector(byName.final_norm), residual: vector(byName.resid_lambdas), first: vector(byName.x0_lambdas),
    smearGate: vector(byName.smear_gate), smear: vector(byName.smear_lambda), backout: vector(byName.backout_lambda),
  })
  facts.windows.forEach((window, i) => {
    const at = part => byName[`blocks.${i}.${part}`], m = (...parts) => matrix(...parts.map(at))
    const slots = Math.min(facts.context, window + 2*SPARE), layer = {
      window, slots, first: 0, values: facts.ve_layers.indexOf(i), valueGate: vector(at('attn.ve_gate')),
      norm: vector(at('attn_norm')), mlpNorm: vector(at('mlp_norm')),
      qkv: m('attn.c_q', 'attn.c_k', 'attn.c_v'), out: m('attn.c_proj'),
      up: m('mlp.c_fc'), gate: config.mlp === 'swiglu' && m('mlp.c_gate'), down: m('mlp.c_proj'),
    }
    want(layer, 'k', slots*KV)
    want(layer, 'v', slots*KV)
    model.layers.push(layer)
  })
  const sizes = {
    x: BLOCK*E, x0: BLOCK*E, h: BLOCK*E, y: BLOCK*E, middle: BLOCK*E, turns: BLOCK*D, qkvs: BLOCK*(E + 2*KV),
    u: BLOCK*facts.hidden, g: BLOCK*facts.hidden, one: E, before: E, logits: config.vocab_size,
    valueRow: facts.ve_layers.length*KV, scores: Math.max(...model.layers.map(layer => layer.slots)),
  }
  for (const name in sizes) want(model, name, sizes[name])
  want(model, 'rounded', Math.max(E, facts.hidden), Int16Array)
  provide(program)
  model.matrices.forEach(fill)
  return model.speed
}

const place = (a, i) => a.byteOffset + 4*i // of a float, for the kernels

function product(y, x, T, m) { // y (T, rows) = x (T, cols) · m.T
  if (m.int8) return productInt8(y, x, T, m)
  const {cols, rows, weights} = m
  if (kernels) return kernels.product(place(x, 0), place(weights, 0), place(y, 0), T, cols, rows, 4*cols)
  for (let next = 0; next < rows; next += 4) { // four rows share what is read of x; the last four may overlap others
    const row = Math.max(0, Math.min(next, rows - 4)) // what fewer write too far, the next t mends
    for (let t = 0; t < T; t++) {
      let a = 0, b = 0, c = 0, d = 0, at = t*rows + row
      for (let i = t*cols, j = row*cols, end = i + cols; i < end; i++, j++) {
        a += x[i]*weights[j]
        b += x[i]*weights[j + cols]
        c += x[i]*weights[j + 2*cols]
        d += x[i]*weights[j + 3*cols]
      }
      y[at++] = a
      y[at++] = b
      y[at++] = c
      y[at] = d
    }
  }
}

function productInt8(y, x, T, m) { // a token's activations become 16-bit numbers with one scale
  const {cols, rows, weights, group} = m, q = model.rounded
  for (let t = 0; t < T; t++) {
    const begin = t*cols
    let most = 1e-30
    for (let i = begin; i < begin + cols; i++) most = Math.max(most, Math.abs(x[i]))
    const factor = 32767/most
    for (let i = 0; i < cols; i++) q[i] = Math.round(x[begin + i]*factor)
    kernels.product8(place(q, 0), place(weights, 0), place(m.scales, 0), place(y, t*rows), cols, rows, 1/factor, group)
  }
}

function dot(a, i, b, j, n) { // product of n numbers of a, from i on, with n of b
  let sum = 0
  for (let k = 0; k < n; k++) sum += a[i + k]*b[j + k]
  return sum
}

function norm(out, to, x, from, n, weights) { // RMSNorm of n numbers
  const scale = 1/Math.sqrt(dot(x, from, x, from, n)/n + facts.eps)
  for (let i = 0; i < n; i++) out[to + i] = x[from + i]*scale*(weights ? weights[i] : 1)
}

const sigmoid = x => 1/(1 + Math.exp(-x))

// Read tokens that follow what was read before; the logits of the next one
function feed(ids, wantLogits = true) {
  for (let i = 0; i < ids.length; i += BLOCK) feedBlock(ids.slice(i, i + BLOCK), wantLogits && i + BLOCK >= ids.length)
  return model.logits
}

function feedBlock(ids, wantLogits) {
  const {x, x0, h, middle} = model, T = ids.length
  const add = (weights, work) => { // x += work(norm(x))
    for (let t = 0; t < T; t++) norm(h, t*E, x, t*E, E, weights)
    work()
    for (let j = 0; j < T*E; j++) x[j] += h[j]
  }
  embed(ids)
  watcher?.stream(0, T)
  model.layers.forEach((layer, i) => {
    if (model.residual) for (let j = 0; j < T*E; j++) x[j] = model.residual[i]*x[j] + model.first[i]*x0[j]
    add(layer.norm, () => attention(layer, ids))
    add(layer.mlpNorm, () => mlp(layer, T))
    if (model.backout && i === config.n_layer >> 1) middle.set(x)
    watcher?.stream(i + 1, T)
  })
  model.ids.push(...ids)
  if (wantLogits) unembed((T - 1)*E, model.backout)
}

// Embeddings, each with some of the one before it (smear), and the angles of their positions
function embed(ids) {
  const {x, x0, one, before, turns} = model, first = model.ids.length, channels = config.smear_channels
  const lookUp = id => {
    decodeRows(model.embeddings, id, 1, one)
    if (config.embed_norm) norm(one, 0, one, 0, E)
  }
  if (first) lookUp(model.ids[first - 1])
  else one.fill(0)
  ids.forEach((id, t) => {
    before.set(one)
    lookUp(id)
    const share = channels ? model.smear[0]*sigmoid(dot(model.smearGate, 0, one, 0, channels)) : 0
    for (let i = 0; i < E; i++) x[t*E + i] = x0[t*E + i] = one[i] + share*before[i]
    for (let i = 0; i < D/2; i++) { // float32, as MLX computes them
      const angle = Math.fround((first + t)*facts.speeds[i])
      turns[t*D + i] = Math.cos(angle)
      turns[t*D + D/2 + i] = -config.rope_sign*Math.sin(angle)
    }
  })
}

function rotate(a, at, t) { // one head by its position
  const half = D/2, {turns} = model
  for (let i = at, turn = t*D; i < at + half; i++, turn++) {
    const p = a[i], q = a[i + half], cos = turns[turn], sin = turns[turn + half]
    a[i] = p*cos + q*sin
    a[i + half] = q*cos - p*sin
  }
}

// Keys and values lie in order from position layer.first on. Where a block finds no room, the oldest go.
function makeRoom(layer, T) {
  const n = model.ids.length - layer.first, gone = n - layer.window - SPARE
  if (n + T <= layer.slots) return
  for (const a of [layer.k, layer.v]) a.copyWithin(0, gone*KV, n*KV)
  layer.first += gone
}

function attention(layer, ids) { // from h to h
  const {h, y, qkvs} = model, {n_head, n_kv_head} = config
  const width = E + 2*KV, first = model.ids.length, T = ids.length
  product(qkvs, h, T, layer.qkv)
  makeRoom(layer, T)
  y.fill(0, 0, T*E)
  for (let t = 0; t < T; t++) {
    for (let head = 0; head < n_head + n_kv_head; head++) { // queries and keys
      const at = t*width + head*D
      rotate(qkvs, at, t)
      if (config.qk_norm) norm(qkvs, at, qkvs, at, D)
    }
    const slot = (first + t - layer.first)*KV, keys = t*width + E
    layer.k.set(qkvs.subarray(keys, keys + KV), slot)
    layer.v.set(qkvs.subarray(keys + KV, keys + 2*KV), slot)
    if (layer.values >= 0) addValues(layer, ids[t], slot, t*E)
    for (let head = 0; head < n_head; head++) {
      const shared = Math.floor(head*n_kv_head/n_head)*D // the key head of its group
      attendOne(layer, t*width + head*D, t*E + head*D, first + t, shared)
    }
  }
  product(h, y, T, layer.out)
}

function addValues(layer, id, slot, at) { // the token's value embedding, as far as gates let it through
  const {h, valueRow} = model, {n_kv_head, gate_channels, gate_scale} = config
  decodeRows(model.valueEmbeddings, id, 1, valueRow)
  for (let head = 0; head < n_kv_head; head++) {
    const share = gate_scale*sigmoid(dot(layer.valueGate, head*gate_channels, h, at, gate_channels))
    const from = (layer.values*n_kv_head + head)*D
    for (let i = 0; i < D; i++) layer.v[slot + head*D + i] += share*valueRow[from + i]
  }
}

// One query (at `q` of qkvs) looks at the positions of its window; what it gets goes to `out` of y
function attendOne(layer, q, out, position, head) {
  const {qkvs, y, scores} = model, {k, v} = layer
  const low = Math.max(0, position - layer.window), n = position - low + 1, from = (low - layer.first)*KV + head
  if (kernels) kernels.product(place(qkvs, q), place(k, from), place(scores, 0), 1, D, n, 4*KV)
  else for (let i = 0; i < n; i++) scores[i] = dot(qkvs, q, k, from + i*KV, D)
  const scale = config.qk_gain**2/Math.sqrt(D)
  let most = -Infinity, total = 0
  for (let i = 0; i < n; i++) if (scores[i] > most) most = scores[i]
  for (let i = 0; i < n; i++) total += scores[i] = Math.exp((scores[i] - most)*scale)
  watcher?.attention(layer, out, low, n, total)
  if (kernels) kernels.weighted(place(scores, 0), place(v, from), place(y, out), n, 4*KV, D)
  else for (let i = 0; i < n; i++) for (let j = 0; j < D; j++) y[out + j] += scores[i]*v[from + i*KV + j]
  for (let j = out; j < out + D; j++) y[j] /= total
}

function mlp(layer, T) { // from h to h
  const {h, u, g} = model, n = T*facts.hidden
  product(u, h, T, layer.up)
  if (layer.gate) {
    product(g, h, T, layer.gate)
    for (let i = 0; i < n; i++) u[i] *= g[i]*sigmoid(g[i])
  } else for (let i = 0; i < n; i++) u[i] = u[i] > 0 ? u[i]*u[i] : 0
  product(h, u, T, layer.down)
}

function unembed(at, backout) { // the logits of the token that begins there in x
  const {x, one, middle, logits} = model, {softcap} = config
  for (let i = 0; i < E; i++) one[i] = x[at + i] - (backout ? backout[0]*middle[at + i] : 0)
  norm(one, 0, one, 0, E, model.finalNorm)
  product(logits, one, 1, model.head)
  if (softcap) for (let i = 0; i < logits.length; i++) logits[i] = softcap*Math.tanh(logits[i]/softcap)
}

function goTo(n) { // forget what was read after the first n, or everything, where older keys are gone
  const {layers, ids} = model
  if (layers.some(layer => layer.first > Math.max(0, n - layer.window))) n = 0
  if (!n) for (const layer of layers) layer.first = 0
  ids.length = n
}

function seek(ids) { // go back to where `ids` and what was read part; returns the rest, still to be read
  let n = 0
  while (n < ids.length - 1 && model.ids[n] === ids[n]) n++
  goTo(n)
  return ids.slice(model.ids.length)
}
