// Text to token ids and back: byte-level BPE, as in the notebook 02a_tokenizer. Here a token is a string of one
// character per byte.

const utf8 = new TextEncoder()
let tokenizer = null

function loadTokenizer({tokens, specials, js_pattern}) {
  const list = tokens.map(token => typeof token === 'string' ? atob(token) : null) // null: a special token
  const ranks = new Map(list.map((bytes, id) => [bytes, id]))
  tokenizer = {
    list, ranks, specials,
    names: new Map(Object.entries(specials).map(([name, id]) => [id, name])),
    pattern: new RegExp(js_pattern, 'gu')
  }
}

const special = name => tokenizer.specials[`<|${name}|>`]

// Ids of a chunk that is no token itself. Its parts are a linked list, each named by where it begins. A round joins the
// neighbours that make the token of lowest rank, from left to right, until a lower rank comes up.
function mergePairs(bytes) {
  const n = bytes.length, {ranks} = tokenizer
  const next = Int32Array.from({length: n + 1}, (_, i) => i + 1)
  const rate = start => { // rank of the token that a part makes with its neighbour
    const end = next[next[start]]
    return end > n ? Infinity : ranks.get(bytes.slice(start, end)) ?? Infinity
  }
  const rank = Float64Array.from({length: n}, (_, i) => rate(i)), ids = []
  for (let lowest = 0; lowest < Infinity;) {
    lowest = Infinity
    for (let i = 0; i < n; i = next[i]) if (rank[i] < lowest) lowest = rank[i]
    for (let i = 0, before = -1; i < n && lowest < Infinity; before = i, i = next[i]) {
      if (rank[i] !== lowest) continue
      next[i] = next[next[i]]
      rank[i] = rate(i)
      if (before >= 0) rank[before] = rate(before)
      if (rank[i] < lowest || rank[before] < lowest) break
    }
  }
  for (let i = 0; i < n; i = next[i]) ids.push(ranks.get(bytes.slice(i, next[i])))
  return ids
}

function encode(text) {
  const ids = [], {pattern, ranks} = tokenizer
  text = text.replace(/\p{Cs}/gu, '\ufffd') // lone surrogates
  for (const [chunk] of text.matchAll(pattern)) {
    const bytes = Array.from(utf8.encode(chunk), byte => String.fromCharCode(byte)).join('')
    for (const id of ranks.has(bytes) ? [ranks.get(bytes)] : mergePairs(bytes)) ids.push(id)
  }
  return ids
}

const bytesOf = id => Uint8Array.from(tokenizer.list[id] ?? tokenizer.names.get(id) ?? '', byte => byte.charCodeAt(0))
const newDecoder = () => new TextDecoder('utf-8', {ignoreBOM: true}) // or it swallows U+FEFF

function decode(ids) {
  const decoder = newDecoder()
  return ids.map(id => decoder.decode(bytesOf(id), {stream: true})).join('') + decoder.decode()
}

const MARKS = {python: 'python', python_output: 'output'} // parts of an answer between special tokens
const between = (name, ids) => [special(name + '_start'), ...ids, special(name + '_end')]

function turnIds({role, content}) {
  if (role === 'user') return between('user', encode(content))
  const part = ({type, text}) => MARKS[type] ? between(MARKS[type], encode(text)) : encode(text)
  return between('assistant', content.flatMap(part))
}

// The ids of a conversation, up to where the assistant begins to speak, in at most `room` tokens. When it outgrows
// that, the oldest turns go until half is free: the next questions then continue what was read. This is decided turn by
// turn, so a longer conversation decides the same. A question that is too long by itself loses its beginning.
function render(messages, room) {
  const turns = messages.map(turnIds)
  let first = 0, size = 2 // bos, and the token that begins the answer
  turns.forEach((turn, i) => {
    size += turn.length
    if (i % 2 || size <= room) return // a limit matters where the user has spoken
    while (first < i && size > room/2) size -= turns[first++].length + turns[first++].length
  })
  const kept = turns.slice(first), cut = kept.length === 1 ? Math.max(0, size - room) : 0
  if (cut) kept[0] = [kept[0][0], ...kept[0].slice(1 + cut)]
  return {ids: [special('bos'), ...kept.flat(), special('assistant_start')], dropped: first, cut}
}
