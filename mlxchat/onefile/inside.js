'use strict'
// The widget: a text, its tokens, and what the model makes of the one that is chosen. The engine runs in the page
// itself, a few tokens at a time, since a widget in a notebook may be refused a thread of its own.
// What a person or the model writes becomes text nodes, never HTML.

const $ = id => document.getElementById(id)
const header = JSON.parse($('header').textContent)
const {n_layer: layers, n_head: heads, vocab_size} = header.config
const start = {text: '', write: 0, token: -1, layer: -1, head: 0, ...header.about.start}
const MOST_BITS = Math.log2(vocab_size) // of a pure guess among all tokens

function element(tag, className, ...children) {
  const el = document.createElement(tag)
  el.className = className
  el.append(...children)
  return el
}

// ---------- the engine ----------
const waiting = new Map()
let number = 0
const engine = mlxchatEngine(({id, result, error}) => {
  const {done, fail} = waiting.get(id)
  waiting.delete(id)
  if (error === undefined) done(result)
  else fail(Error(error))
})

function ask(task, data) {
  return new Promise((done, fail) => {
    waiting.set(++number, {done, fail})
    engine({id: number, task, ...data})
  })
}

// ---------- tokens and numbers as they are shown ----------
let found = null // what the engine said
let chosen = -1 // the place of a token
let layer = (start.layer + layers) % layers
let head = start.head

const isSpecial = word => /^<\|\w+\|>$/.test(word)
const visible = word => isSpecial(word) ? word.slice(2, -2) : word.replace(/ /g, '·').replace(/\n/g, '⏎')
  .replace(/[\0-\x1f\x7f]/g, o => `‹${o.charCodeAt(0).toString(16).padStart(2, '0')}›`) || '∅'
const wordAt = place => found.words[found.ids[place]]
const named = word => isSpecial(word) ? word : `“${word.replace(/\n/g, '⏎')}”`

// Does the first letter of a text say so? The names of special tokens do not count, as they would with dir="auto".
const toTheLeft = RegExp('^\\P{L}*' + `[${['Arabic', 'Hebrew', 'Syriac', 'Thaana', 'Nko'].map(script =>
  `\\p{Script=${script}}`).join('')}]`, 'u')
const directionOf = text => toTheLeft.test(text.replace(/<\|\w+\|>/g, '')) ? 'rtl' : 'ltr'

function percent(p) {
  if (p > .9995 || p < .0005) return p > .5 ? '100 %' : '< 0.1 %'
  return (100*p).toFixed(p < .0995 ? 1 : 0) + ' %'
}
const inBits = bits => bits === null ? 'nothing before it' : bits.toFixed(1) + ' bits'

function share(el, x) { // how much of the colour
  el.style.setProperty('--share', Math.max(0, Math.min(1, x)).toFixed(3))
  return el
}

function chip(place) {
  const word = wordAt(place)
  return element('span', isSpecial(word) ? 'special' : '', visible(word))
}

function fillLine(box, chips) { // with line breaks where the text has them
  box.replaceChildren()
  chips.forEach((el, place) => {
    box.append(el)
    if (!isSpecial(wordAt(place)) && wordAt(place).includes('\n')) {
      const end = element('span', 'break')
      end.setAttribute('role', 'presentation')
      box.append(end)
    }
  })
}

// ---------- the tokens ----------
function drawTokens() {
  fillLine($('tokens'), found.ids.map((_, place) => {
    const el = share(chip(place), found.bits[place]/MOST_BITS), bits = inBits(found.bits[place])
    el.setAttribute('role', 'option')
    el.setAttribute('aria-selected', false)
    el.setAttribute('aria-label', `${named(wordAt(place))}, ${bits}`)
    el.title = bits
    el.place = place
    el.tabIndex = -1
    return el
  }))
}

const options = () => [...$('tokens').querySelectorAll('[role=option]')]

function choose(place, focus) {
  const list = options()
  if (list[chosen]) list[chosen].tabIndex = -1
  list[chosen]?.setAttribute('aria-selected', false)
  chosen = Math.max(0, Math.min(list.length - 1, place))
  list[chosen].tabIndex = 0
  list[chosen].setAttribute('aria-selected', true)
  if (focus) list[chosen].focus()
  drawExpected()
  drawLayers()
  drawGaze()
}

$('tokens').onclick = event => {
  const el = event.target.closest('[role=option]')
  if (el) choose(el.place, true)
}

const steps = (rightToLeft, wide) => ({
  ArrowRight: rightToLeft ? -1 : 1, ArrowLeft: rightToLeft ? 1 : -1, ArrowDown: wide, ArrowUp: -wide,
  Home: -Infinity, End: Infinity,
})

$('tokens').onkeydown = event => {
  const step = steps($('tokens').matches(':dir(rtl)'), 1)[event.key]
  if (!step) return
  event.preventDefault()
  choose(chosen + step, true)
}

// ---------- before it came, and what comes next ----------
function drawExpected() {
  const bits = found.bits[chosen], id = found.ids[chosen]
  const before = chosen ? found.said[layers][chosen - 1] : null
  $('surprise').textContent = before
    ? `${named(wordAt(chosen))} surprised it by ${inBits(bits)}: it had a probability of ${percent(before.next)}.`
      + ' The five likeliest were:'
    : 'The text begins here, so nothing could be expected.'
  $('expected').replaceChildren(...(before?.best ?? []).map(([other, p]) => {
    const word = element('span', other === id ? 'came' : '', visible(found.words[other]))
    return element('li', '', word, share(element('i', ''), p), element('span', '', percent(p)))
  }))
}

function drawLayers() {
  const next = found.ids[chosen + 1]
  $('underlined').hidden = next === undefined
  const rows = found.said.map((positions, i) => {
    const name = i ? i === layers ? `layer ${i}, the answer` : `layer ${i}` : 'embedding'
    const row = element('tr', '', element('th', '', name))
    row.firstChild.scope = 'row'
    for (const [id, p] of positions[chosen].best.slice(0, 3)) {
      const word = element('b', '', visible(found.words[id]))
      row.append(share(element('td', id === next ? 'came' : '', word, percent(p)), p))
    }
    return row
  })
  $('layers').tBodies[0].replaceChildren(...rows)
}

// ---------- where the heads look ----------
const mapOf = (layer, head) => $('heads').querySelectorAll('.row')[layer].querySelectorAll('.map')[head]

function makeHeads() {
  const rows = found.looks.map((of, i) => {
    const row = element('div', 'row', element('span', '', `Layer ${i + 1}`))
    of.forEach((_, j) => {
      const map = element('button', 'map', element('canvas', ''))
      map.tabIndex = -1
      map.setAttribute('aria-checked', false)
      map.setAttribute('role', 'radio')
      map.setAttribute('aria-label', `Layer ${i + 1}, head ${j + 1}`)
      map.title = `Layer ${i + 1}, head ${j + 1}`
      map.onclick = () => chooseHead(i, j)
      row.append(map)
    })
    return row
  })
  $('heads').replaceChildren(...rows)
  $('heads').style.setProperty('--heads', heads)
}

function drawMaps() { // one pixel for each pair of tokens
  const n = found.ids.length, probe = document.createElement('canvas').getContext('2d')
  probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue('--accent')
  probe.fillRect(0, 0, 1, 1)
  const [red, green, blue] = probe.getImageData(0, 0, 1, 1).data
  found.looks.forEach((of, i) => of.forEach((rows, j) => {
    const canvas = mapOf(i, j).firstChild, picture = new ImageData(n, n)
    canvas.width = canvas.height = n
    rows.forEach((weights, y) => weights.forEach((weight, x) => {
      picture.data.set([red, green, blue, 255*Math.sqrt(weight)], 4*(y*n + x)) // the root lets small ones be seen
    }))
    canvas.getContext('2d').putImageData(picture, 0, 0)
  }))
}

function chooseHead(i, j, focus) {
  const was = mapOf(layer, head)
  layer = i
  head = j
  const map = mapOf(layer, head)
  for (const [el, on] of [[was, false], [map, true]]) {
    el.setAttribute('aria-checked', on)
    el.tabIndex = on ? 0 : -1
  }
  if (focus) map.focus()
  drawGaze()
}

$('heads').onkeydown = event => {
  const step = steps(false, heads)[event.key]
  if (!step) return
  event.preventDefault()
  const at = layer*heads + head + step, last = layers*heads - 1
  if (Number.isFinite(step) && (at < 0 || at > last)) return
  const to = Math.max(0, Math.min(last, at))
  chooseHead(Math.floor(to/heads), to % heads, true)
}

function drawGaze() {
  const weights = found.looks[layer][head][chosen], window = header.facts.windows[layer]
  $('heads').style.setProperty('--row', chosen/found.ids.length)
  $('heads').style.setProperty('--tall', 1/found.ids.length)
  $('gaze-title').textContent = `Layer ${layer + 1}, head ${head + 1}, at ${named(wordAt(chosen))}`
  const order = weights.map((_, place) => place).sort((a, b) => weights[b] - weights[a])
  const most = order.slice(0, 4).filter(place => weights[place] >= .005)
    .map(place => `${place === chosen ? 'itself' : named(wordAt(place))} ${percent(weights[place])}`)
  const narrow = window < chosen ? ` This layer sees ${window} tokens back.` : ''
  $('looked').textContent = `Looks at ${most.join(', ')}.${narrow}`
  fillLine($('gaze'), weights.map((weight, place) => {
    const el = share(chip(place), weight)
    if (place === chosen) el.classList.add('from')
    if (place === order[0]) el.classList.add('most')
    return el
  }))
  const box = $('gaze')
  box.scrollTop = box.querySelector('.most').offsetTop - box.clientHeight/2 // of a long text, the place that matters
}

// ---------- all of it as a table ----------
function drawAll() {
  const rows = found.ids.map((_, place) => {
    const before = place && found.said[layers][place - 1], [best, p] = before ? before.best[0] : []
    const cells = [place + 1, visible(wordAt(place)), found.bits[place]?.toFixed(2) ?? '–',
      before ? percent(before.next) : '–', before ? `${visible(found.words[best])} ${percent(p)}` : '–']
    return element('tr', '', ...cells.map(text => element('td', '', text)))
  })
  $('all').tBodies[0].replaceChildren(...rows)
}

// ---------- a text ----------
function summary() {
  const known = found.bits.slice(1), sum = known.reduce((a, b) => a + b, 0)
  const tokens = found.ids.length === 1 ? '1 token' : found.ids.length + ' tokens'
  const each = known.length ? `, ${(sum/known.length).toFixed(2)} bits each` : ''
  return tokens + each + (found.left ? `; ${found.left} more are not shown` : '')
}

function say(text, bad) {
  $('summary').textContent = text
  $('summary').classList.toggle('bad', Boolean(bad))
}

let wanted = 0 // the newest look: what an older one finds is not shown
async function look(write = 0) {
  const mine = ++wanted, atEnd = !found || chosen === found.ids.length - 1
  engine({task: 'stop'})
  const seen = await ask('inside', {text: $('text').value, write})
  if (mine !== wanted || !seen) return
  const first = !found
  found = seen
  if (write && !found.left) $('text').value = found.text
  $('found').hidden = false
  $('tokens').dir = $('gaze').dir = directionOf(found.text)
  if (first) makeHeads()
  drawTokens()
  drawMaps()
  drawAll()
  const place = first && !write ? start.token : write ? found.read - 1 : atEnd ? -1 : chosen
  choose(place < 0 ? found.ids.length + place : place)
  chooseHead(layer, head)
  fit()
  say(summary())
}

function fit() { // the box is as high as its text, and begins where that begins
  $('text').dir = directionOf($('text').value)
  $('text').style.height = 'auto'
  $('text').style.height = $('text').scrollHeight + 2 + 'px'
}

const failed = error => say(`That did not work: ${error.message || error}`, true)
let timer = 0
$('text').oninput = () => {
  fit()
  clearTimeout(timer)
  timer = setTimeout(() => look().catch(failed), 150)
}
$('write').onclick = async () => {
  clearTimeout(timer)
  $('write').disabled = true
  await look(40).catch(failed)
  $('write').disabled = false
}
matchMedia('(prefers-color-scheme: dark)').onchange = () => found && drawMaps()

// ---------- the beginning ----------
async function open() {
  document.title = $('title').textContent = header.about.title
  $('text').value = start.text
  $('most').textContent = `${MOST_BITS.toFixed(0)} bits or more: as if it guessed among all ${vocab_size.toLocaleString('en')} tokens`
  fit()
  const parts = ['header', 'seal', 'kernels', 'weights'].map(id => [id, $(id)?.textContent])
  await ask('load', Object.fromEntries(parts))
  await look(start.write)
  $('write').disabled = false
}
const opened = new Promise(done => document.addEventListener('DOMContentLoaded', done)).then(open)
opened.catch(failed)
if (window.mlxchatEngine) removeEventListener('load', damaged)
