// Text to token ids and back: byte-level BPE, as in the notebook 02a_tokenizer. A token is a string of one character
// per byte, so that strings can be looked up and sliced; text outside is ordinary text.

const utf8 = new TextEncoder()
let tokenizer = null

function loadTokenizer({tokens, specials, js_pattern}) {
  const list = tokens.map(token => typeof token === 'string' ? atob(token) : null) // null: a special token
  const ranks = new Map()
  list.forEach((bytes, id) => bytes !== null && ranks.set(bytes, id))
  tokenizer = {
    list, ranks, specials,
    names: new Map(Object.entries(specials).map(([name, id]) => [id, name])),
    pattern: new RegExp(js_pattern, 'gu'),
    longest: list.reduce((most, bytes) => Math.max(most, bytes?.length ?? 0), 0),
    known: new Map() // chunks seen before, with their ids
  }
}

const special = name => tokenizer.specials[`<|${name}|>`]

// Numbers, of which the smallest can be taken out
class Heap {
  items = []
  push(x) {
    const items = this.items
    let i = items.push(x) - 1
    while (i > 0 && items[i - 1 >> 1] > x) {
      items[i] = items[i - 1 >> 1]
      i = i - 1 >> 1
    }
    items[i] = x
  }
  pop() {
    const items = this.items, first = items[0], x = items.pop(), n = items.length
    if (!n) return first
    let i = 0
    for (let child = 1; child < n; child = 2*i + 1) {
      if (child + 1 < n && items[child + 1] < items[child]) child++
      if (items[child] >= x) break
      items[i] = items[child]
      i = child
    }
    items[i] = x
    return first
  }
}

// Ids of a chunk that is no token itself. Its parts are a linked list, each named by where it begins; the two
// neighbours that make the token of lowest rank are joined first, the leftmost of equals. A heap holds rank and place
// as one number, so that a long chunk takes n·log n steps and not n². What is outdated in it is skipped.
function mergePairs(bytes) {
  const n = bytes.length, {ranks, longest} = tokenizer, PLACES = 2**31
  const next = Int32Array.from({length: n + 1}, (_, i) => i + 1)
  const previous = Int32Array.from({length: n + 1}, (_, i) => i - 1)
  const pairRank = new Int32Array(n).fill(-1), heap = new Heap()
  const rate = start => {
    const end = next[start] < n ? next[next[start]] : n + 1
    const rank = end > n || end - start > longest ? -1 : ranks.get(bytes.slice(start, end)) ?? -1
    pairRank[start] = rank
    if (rank >= 0) heap.push(rank*PLACES + start)
  }
  for (let i = 0; i < n; i++) rate(i)
  while (heap.items.length) {
    const key = heap.pop(), rank = Math.floor(key/PLACES), start = key - rank*PLACES
    if (pairRank[start] !== rank) continue
    const joined = next[start]
    pairRank[joined] = -1
    next[start] = next[joined]
    previous[next[joined]] = start
    rate(start)
    if (start > 0) rate(previous[start])
  }
  const ids = []
  for (let i = 0; i < n; i = next[i]) ids.push(ranks.get(bytes.slice(i, next[i])))
  return ids
}

function encode(text) {
  const ids = [], {known, pattern, ranks} = tokenizer
  text = text.replace(/\p{Cs}/gu, '\ufffd') // halves of letters outside the first 65,536
  for (const [chunk] of text.matchAll(pattern)) {
    let found = known.get(chunk)
    if (!found) {
      const bytes = Array.from(utf8.encode(chunk), byte => String.fromCharCode(byte)).join('')
      found = ranks.has(bytes) ? [ranks.get(bytes)] : mergePairs(bytes)
      if (chunk.length < 64 && known.size < 20000) known.set(chunk, found)
    }
    for (const id of found) ids.push(id)
  }
  return ids
}

const bytesOf = id => Uint8Array.from(tokenizer.list[id] ?? tokenizer.names.get(id) ?? '', byte => byte.charCodeAt(0))
const newDecoder = () => new TextDecoder('utf-8', {ignoreBOM: true}) // it would swallow U+FEFF otherwise

function decode(ids) {
  const decoder = newDecoder()
  return ids.map(id => decoder.decode(bytesOf(id), {stream: true})).join('') + decoder.decode()
}

// ---- conversations ----

const MARKS = {python: 'python', python_output: 'output'} // parts of an answer that stand between special tokens
const between = (name, ids) => [special(name + '_start'), ...ids, special(name + '_end')]

function turnIds({role, content}) {
  if (role === 'user') return between('user', encode(content))
  const part = ({type, text}) => MARKS[type] ? between(MARKS[type], encode(text)) : encode(text)
  return between('assistant', content.flatMap(part))
}

// The ids of a conversation, up to where the assistant begins to speak, in at most `room` tokens. When it outgrows
// that, the oldest turns go until it fills at most half: the next questions then continue what was read already.
// This is decided turn by turn from the beginning, so a longer conversation decides the same. Of a question that is
// too long by itself, the beginning goes.
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
