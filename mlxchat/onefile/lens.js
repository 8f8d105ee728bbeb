// What goes on inside: a task for the widget inside.html, added to the engine where somebody wants to look.
//
// The logit lens (nostalgebraist, "interpreting GPT: the logit lens", 2020) gives what the model has in mind after each
// layer to the final norm and the unembedding, as if that layer were the last.

const MOST_TOKENS = 400
const FEW = 8 // tokens that are read together; between them the page may speak

function encodeMarked(text) { // special tokens are written by their names, such as <|user_start|>
  const names = Object.keys(tokenizer.specials).map(name => name.replace(/\W/g, '\\$&'))
  const parts = text.split(RegExp(`(${names.join('|')})`))
  return parts.flatMap((part, i) => i % 2 ? [tokenizer.specials[part]] : encode(part))
}

// The share of the middle layer's stream that is taken away at the end: before the middle there is nothing to take, and
// at the middle itself it would only change the length, which the norm undoes.
function backoutAfter(layers) {
  const later = layers > (config.n_layer >> 1) + 1 || layers === config.n_layer
  return later && model.backout
}

class Watcher {
  said = Array.from({length: config.n_layer + 1}, () => []) // after so many layers, by position: {best, next}
  looks = Array.from({length: config.n_layer}, () => // by layer and head: a row of weights for each position
    Array.from({length: config.n_head}, () => []))
  constructor(ids) {
    this.ids = ids // read, or about to be
  }
  stream(layers, T) { // x holds what T tokens have become
    const first = model.ids.length, backout = backoutAfter(layers)
    const few = layers === config.n_layer ? 5 : 3
    for (let t = 0; t < T; t++) {
      unembed(t*config.n_embd, backout)
      this.said[layers].push(summaryOf(model.logits, this.ids[first + t + 1], few))
    }
  }
  attention(layer, out, low, n, total) { // scores holds n weights before they are divided by their total
    const head = Math.floor(out % config.n_embd/facts.head_dim)
    const weights = Array.from({length: n}, (_, i) => model.scores[i]/total)
    this.looks[model.layers.indexOf(layer)][head].push([...Array(low).fill(0), ...weights])
  }
}

// The likeliest tokens with their probabilities, and how probable the one is that really comes next
function summaryOf(logits, next, k) {
  let most = -Infinity, total = 0
  for (const logit of logits) most = Math.max(most, logit)
  for (const logit of logits) total += Math.exp(logit - most)
  const probability = id => Math.exp(logits[id] - most)/total
  const best = largest(logits, Math.min(k, logits.length)).sort((a, b) => logits[b] - logits[a] || a - b)
  return {best: best.map(id => [id, probability(id)]), next: next === undefined ? null : probability(next)}
}

async function writeOn(ids, most) { // with the likeliest tokens
  const answer = new Answer(), ends = [special('assistant_end'), special('bos')]
  for (let logits = feed(ids); most > 0 && ids.length < longest() && !stopping; most--) {
    const id = answer.next(choose(logits, 0, 0, 0))
    ids.push(id)
    if (ends.includes(id)) return
    logits = feed([id])
    await pause()
  }
}

async function watched(ids) {
  goTo(0)
  watcher = new Watcher(ids)
  try {
    for (let i = 0; i < ids.length && !stopping; i += FEW) {
      feed(ids.slice(i, i + FEW), false)
      await pause()
    }
    return watcher
  } finally {
    watcher = null
    goTo(0)
  }
}

function wordOf(id) { // what a token is, its bytes where they are no whole letters
  const text = decode([id])
  if (!text.includes('\ufffd')) return text
  return '‹' + Array.from(bytesOf(id), byte => byte.toString(16).padStart(2, '0')).join('') + '›'
}

const longest = () => Math.min(MOST_TOKENS, facts.context)

// For every token: its surprise in bits, what each layer would say next, and where each head looks. `write` tokens are
// written first. null: the page wants something else meanwhile.
tasks.inside = async ({text, write = 0}) => {
  const all = encodeMarked(text), bos = special('bos')
  if (all[0] !== bos) all.unshift(bos)
  const ids = all.slice(0, longest())
  goTo(0)
  const read = ids.length
  if (write) await writeOn(ids, write)
  const {said, looks} = await watched(ids)
  if (stopping) return null
  const last = said.at(-1), bits = [null, ...last.slice(0, -1).map(({next}) => -Math.log2(next))]
  const named = new Set([...ids, ...said.flat().flatMap(({best}) => best.map(([id]) => id))])
  const words = Object.fromEntries([...named].map(id => [id, wordOf(id)]))
  return {ids, read, words, bits, said, looks, left: all.length - read, text: decode(ids.slice(1))}
}
