'use strict'
// The page: a conversation on the screen, and the messages to the engine that answers.
// What a person or the model writes becomes text nodes, never HTML.

const $ = id => document.getElementById(id)
const header = JSON.parse($('header').textContent)
const about = header.about ?? {}
const count = n => n.toLocaleString('en')

function make(tag, attributes = {}, ...children) {
  const svg = ['svg', 'use', 'rect', 'line'].includes(tag)
  const el = svg ? document.createElementNS('http://www.w3.org/2000/svg', tag) : document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) el.addEventListener(name.slice(2), value)
    else el.setAttribute(name, value)
  }
  el.append(...children)
  return el
}
const icon = name => make('svg', {class: 'icon', 'aria-hidden': 'true'}, make('use', {href: '#' + name}))
const small = (name, label, onclick, more = '') =>
  make('button', {class: 'small ' + more, 'aria-label': label, title: label, onclick}, icon(name))

function announce(text) { // to a screen reader: once, when something is complete
  $('status').textContent = ''
  setTimeout(() => $('status').textContent = text, 50)
}

// ---------- the engine: in a Worker, or in the page itself where that is refused ----------
const waiting = new Map() // id -> what became of a task
let number = 0
let post = null
let place = 'a thread of its own'
let heard = false // has the Worker said anything?
let broken = '' // why nothing can be asked any more

function hear({data: {id, kind, text, result, error}}) {
  heard = true
  const task = waiting.get(id)
  if (!task) return
  if (kind) return task.say?.(kind, text)
  waiting.delete(id)
  if (error === undefined) task.done(result)
  else task.fail(Error(error))
}

function inPage() {
  place = 'the page itself, as this browser refuses it a thread of its own'
  const engine = mlxchatEngine(message => hear({data: message}))
  post = message => engine({data: message})
  for (const {message} of waiting.values()) post(message)
}

function inWorker() {
  const code = $('engine').textContent + '\nonmessage = mlxchatEngine(message => postMessage(message))'
  let address = URL.createObjectURL(new Blob([code], {type: 'text/javascript'}))
  if (window.trustedTypes) {
    const policy = trustedTypes.createPolicy('mlxchat', {createScriptURL: o => o})
    address = policy.createScriptURL(address)
  }
  const worker = new Worker(address)
  worker.onmessage = hear
  worker.onerror = event => {
    event.preventDefault?.()
    if (!heard) return inPage()
    broken = 'The engine has stopped: ' + (event.message || 'the browser gives no reason')
    for (const task of waiting.values()) task.fail(Error(broken))
    waiting.clear()
  }
  post = message => worker.postMessage(message)
}

function ask(task, data, say) {
  return new Promise((done, fail) => {
    if (broken) return fail(Error(broken))
    const id = ++number
    const message = {id, task, ...data}
    waiting.set(id, {done, fail, say, message})
    post(message)
  })
}

// ---------- what is kept with this entry of the browser's history: a reload loses nothing, no other page reads it ----------
const defaults = {temperature: 0.3, topK: 50}
const settings = {...defaults}
let turns = [] // {role: 'user', text} | {role: 'assistant', content, facts} | {role: 'error', text}
let forgotten = 0 // turns that the model no longer sees

function keep() {
  const kept = turns.filter(turn => turn.role !== 'error')
  try {
    history.replaceState({turns: kept, forgotten, settings}, '')
  } catch {} // too much, or refused: then it lasts as long as the page
}

function recall() {
  const {turns: kept, forgotten: seen, settings: chosen} = history.state ?? {}
  const sound = turn => turn.role === 'user' ? typeof turn.text === 'string' : Array.isArray(turn.content)
  if (Array.isArray(kept) && kept.every(sound)) turns = kept
  if (Number.isInteger(seen)) forgotten = seen
  for (const name in defaults) if (typeof chosen?.[name] === 'number') settings[name] = chosen[name]
}

// ---------- the conversation on the screen ----------
let answering = null // {turn, stopped}, while the model writes
const plain = turn => turn.text ?? turn.content.filter(part => part.type === 'text').map(part => part.text).join('')
const atEnd = () => $('talk').scrollHeight - $('talk').scrollTop - $('talk').clientHeight < 60
const toEnd = () => $('talk').scrollTop = $('talk').scrollHeight

function card(expression) { // a call of the calculator, folded
  const call = make('code', {dir: 'ltr'}, expression)
  const result = make('code', {dir: 'ltr'})
  const why = make('p', {}, 'The model wrote this calculation and got no result.')
  const el = make('details', {class: 'call'}, make('summary', {}, 'Calculator:', call, result), why)
  const update = (text, value) => {
    call.textContent = text
    if (value === undefined) return
    result.textContent = '= ' + value
    why.textContent = `The model wrote “${text}”. The page calculated it exactly, put ${value} into the answer, `
      + 'and the model wrote on from there.'
  }
  return {el, update}
}

function painter(box, content) { // only adds to what is there, so that a selection stays
  const drawn = []
  return () => content.forEach((part, i) => {
    if (part.type === 'python_output') return drawn[i - 1]?.update?.(content[i - 1].text, part.text)
    if (part.type === 'python') {
      if (!drawn[i]) box.append((drawn[i] = card(part.text)).el)
      return drawn[i].update(part.text)
    }
    const text = i ? part.text.trimStart() : part.text // a card ends its line
    if (!drawn[i]) box.append(drawn[i] = document.createTextNode(''))
    drawn[i].appendData(text.slice(drawn[i].length))
  })
}

function show(turn) { // adds a turn, and returns what is needed to go on with it
  const who = {user: 'You said:', assistant: 'The model said:', error: 'Error:'}[turn.role]
  const words = make('div', {class: 'words', dir: 'auto'})
  const facts = make('span', {class: 'facts'}, turn.facts ?? '')
  const below = make('div', {class: 'below'})
  const again = {user: 'Ask again', assistant: 'Regenerate', error: 'Try again'}[turn.role]
  if (turn.role !== 'error') below.append(small('copy', 'Copy', event => copy(turn, event.currentTarget)))
  below.append(small('again', again, regenerate, 'again'))
  below.append(facts)
  const el = make('div', {class: 'turn ' + turn.role}, make('span', {class: 'unseen'}, who), words, below)
  const paint = turn.content ? painter(words, turn.content) : () => words.textContent = turn.text
  paint()
  $('log').append(el)
  return {el, paint, facts}
}

function mark() { // where the model's memory begins
  $('log').querySelector('.mark')?.remove()
  const first = $('log').children[forgotten]
  if (forgotten && first) first.before(make('p', {class: 'mark'}, 'the model no longer sees what is above'))
}

function showAll() {
  $('log').replaceChildren()
  turns.forEach(show)
  mark()
  $('hello').hidden = turns.length > 0
  $('log').hidden = !turns.length
  toEnd()
}

function add(turn) {
  turns.push(turn)
  $('hello').hidden = true
  $('log').hidden = false
  return show(turn)
}

function remove(role) { // from the end, as long as it is of this kind
  let last = null
  while (turns.at(-1)?.role === role) {
    last = turns.pop()
    $('log').lastElementChild.remove()
  }
  return last
}

async function copy(turn, button) {
  const text = plain(turn)
  try {
    await navigator.clipboard.writeText(text)
  } catch { // the old way, where the new one is refused
    const box = make('textarea', {class: 'unseen'})
    box.value = text
    document.body.append(box)
    box.select()
    document.execCommand('copy')
    box.remove()
    button.focus()
  }
  button.replaceChildren(icon('check'))
  setTimeout(() => button.replaceChildren(icon('copy')), 1200)
  announce('Copied')
}

// ---------- asking ----------
const positions = header.config.max_positions ?? header.config.sequence_len
const maxTokens = Math.min(1024, positions >> 1)

function messages() {
  return turns.map(({role, text, content}) => ({role, content: content ?? text}))
}

async function tooLong(text) { // tokens that do not fit, of a single message; its beginning is cut then
  const room = positions - maxTokens - 4
  if (3*text.length <= room) return 0 // no token is shorter than a byte
  const [ids] = await ask('encode', {texts: [text]})
  return Math.max(0, ids.length - room)
}

function summary(turn, result) {
  const {ids, firstAfter, seconds, stopped} = result
  const speed = (ids.length - 1)/(seconds - firstAfter/1000)
  const facts = [ids.length === 1 ? '1 token' : count(ids.length) + ' tokens']
  if (ids.length > 9) facts.push(count(Math.round(speed)) + ' tokens/s')
  facts.push(`first after ${(firstAfter/1000).toFixed(2)} s`)
  if (stopped) facts.push('stopped')
  return facts.join(' · ')
}

async function answer(was) { // was: an earlier answer, which comes back if there is no new one
  const question = turns.at(-1)
  const questionFacts = $('log').lastElementChild.querySelector('.facts')
  const asked = messages()
  const turn = {role: 'assistant', content: []}
  const view = add(turn)
  const mine = answering = {turn, stopped: false}
  let due = false
  let problem = ''
  let result = null
  const redraw = () => {
    due = false
    if (answering !== mine) return
    const follow = atEnd()
    view.paint()
    if (follow) toEnd()
  }
  const say = (type, text) => {
    const last = turn.content.at(-1)
    if (last?.type === type) last.text += text
    else turn.content.push({type, text})
    if (!due) requestAnimationFrame(redraw)
    due = true
  }
  view.el.classList.add('busy')
  $('log').setAttribute('aria-busy', 'true')
  toEnd()
  ready()
  try {
    await opened
    const cut = await tooLong(question.text)
    if (cut) questionFacts.textContent = `too long: the model does not see its first ${count(cut)} tokens`
    question.facts = questionFacts.textContent
    if (!mine.stopped) result = await ask('reply', {messages: asked, ...settings, maxTokens}, say)
  } catch (error) {
    problem = explained(error)
  }
  view.paint()
  const said = turn.content.some(part => part.type !== 'python_output' && part.text.trim())
  if (result && said) turn.facts = view.facts.textContent = summary(turn, result)
  view.el.classList.remove('busy')
  if (!said) {
    remove('assistant')
    if (was) add(was)
    else if (mine.stopped) question.facts = questionFacts.textContent = 'stopped before the first word'
    if (!problem && !mine.stopped) problem = 'The model said nothing. Ask again, or in other words.'
  }
  if (problem) add({role: 'error', text: problem})
  if (result) forgotten = result.dropped ?? 0
  const follow = atEnd()
  mark()
  if (follow) toEnd()
  $('log').setAttribute('aria-busy', 'false')
  answering = null
  keep()
  ready()
  announce(problem || (mine.stopped ? 'Stopped. ' : '') + (said ? 'The model said: ' + plain(turn) : ''))
  mine.over?.()
}

function explained(error) {
  const text = String(error.message || error)
  if (!/memory|allocation|array (buffer )?length|room/i.test(text)) return text
  return `There is not enough memory for this model (${text}). Close other tabs, then try again.`
}

function stop() {
  if (!answering) return
  answering.stopped = true
  post({task: 'stop'})
}

function say(text) {
  if (answering || !text.trim()) return
  remove('error')
  remove('user') // a question that was never answered
  $('note').hidden = true
  $('keys').hidden = false
  add({role: 'user', text: text.trim()})
  keep()
  answer(null)
}

function regenerate() {
  if (answering) return
  if (broken) return location.reload() // the only way to a new engine; the conversation is kept
  remove('error')
  const was = remove('assistant')
  if (turns.at(-1)?.role === 'user') answer(was)
  $('text').focus()
}

// ---------- the box to type in ----------
function ready() {
  const button = $('send')
  const name = answering ? 'Stop' : 'Send'
  const box = $('text')
  button.disabled = !answering && !box.value.trim()
  button.setAttribute('aria-label', name)
  button.title = name
  button.querySelector('use').setAttribute('href', answering ? '#stop' : '#up')
  box.style.height = 'auto'
  box.style.height = box.scrollHeight + 'px'
}

function send() {
  if (answering) return stop()
  const text = $('text').value
  $('text').value = ''
  say(text)
  ready()
}

let old = null // the chat before this one
async function newChat() {
  stop()
  if (answering) await new Promise(done => answering.over = done)
  $('text').focus()
  if (!turns.length) return
  old = {turns, forgotten}
  turns = []
  forgotten = 0
  keep()
  showAll()
  $('note').hidden = false
  $('keys').hidden = true
  announce('This is a new chat')
}

function undo() {
  turns = old.turns
  forgotten = old.forgotten
  $('note').hidden = true
  $('keys').hidden = false
  keep()
  showAll()
  $('text').focus()
  announce('The old chat is back')
}

const coarse = () => matchMedia('(pointer: coarse)').matches // a phone has no Shift+Enter: there Enter starts a new line
$('send').onclick = () => {
  send()
  $('text').focus()
}
$('text').oninput = ready
$('text').onkeydown = event => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing || coarse()) return
  event.preventDefault()
  if (!answering) send()
}
document.addEventListener('keydown', event => {
  if (event.key === 'Escape' && !document.querySelector('dialog[open]')) stop()
})
$('new-chat').onclick = newChat
$('undo').onclick = undo

// ---------- settings ----------
function showSettings() {
  for (const name in defaults) {
    $(name).value = settings[name]
    $(name).previousElementSibling.querySelector('output').textContent = settings[name]
  }
}
for (const name in defaults) $(name).oninput = () => {
  settings[name] = Number($(name).value)
  showSettings()
  keep()
}
$('defaults').onclick = () => {
  Object.assign(settings, defaults)
  showSettings()
  keep()
}
for (const name of ['settings', 'about']) {
  $('open-' + name).onclick = () => $(name).showModal()
  $(name).onclick = event => event.target === $(name) && $(name).close() // a click beside it
}

// ---------- about this model ----------
function fact(name, value) {
  if (value) $('facts').append(make('dt', {}, name), make('dd', {dir: 'auto'}, value))
}
const percent = x => Math.round(100*x) + ' %'
const across = x => (100*x).toFixed(1) + '%'

function score({name, score, low, high, trivial, n}) {
  const bar = make('svg', {'aria-hidden': 'true'})
  bar.append(make('rect', {class: 'track', width: '100%', height: 14, rx: 3}))
  bar.append(make('rect', {class: 'score', width: across(score), height: 14, rx: 3}))
  bar.append(make('line', {class: 'range', x1: across(low), x2: across(high), y1: 7, y2: 7}))
  if (trivial != null) bar.append(make('line', {class: 'trivial', x1: across(trivial), x2: across(trivial), y2: 14}))
  const said = `${Math.round(100*low)}–${Math.round(100*high)}`
  const unseen = `, 95 % interval, ${n} questions; always the same answer: ${percent(trivial ?? 0)}`
  const number = make('td', {}, percent(score) + ' ', make('small', {}, said), make('span', {class: 'unseen'}, unseen))
  return make('tr', {}, make('th', {scope: 'row'}, name), make('td', {class: 'wide'}, bar), number)
}

function showAbout() {
  const size = n => n >= 1e9 ? (n/1e9).toFixed(2) + ' billion' : n >= 1e6 ? (n/1e6).toFixed(2) + ' million' : count(n)
  const date = about.date ? new Date(about.date).toLocaleDateString('en', {dateStyle: 'long', timeZone: 'UTC'}) : ''
  fact('Name', about.name)
  fact('Stage', [about.stage, about.step && 'step ' + count(about.step)].filter(Boolean).join(', '))
  fact('Size', about.parameters && size(about.parameters) + ' parameters')
  fact('Weights', [about.weights, about.bytes && (about.bytes/1e6).toFixed(1) + ' MB'].filter(Boolean).join(', '))
  fact('Memory', positions && `${count(positions)} tokens of a conversation`)
  fact('Learned from', about.data)
  fact('Made', date)
  fact('Licence', about.licence)
  for (const o of about.scores ?? []) $('scores').querySelector('tbody').append(score(o))
  $('scores').hidden = !about.scores?.length
}

// ---------- the beginning ----------
function start() {
  document.title = $('title').textContent = about.title || 'mlxchat'
  $('greeting').textContent = about.greeting || 'What shall we talk about?'
  const idea = text => make('button', {onclick: () => {
    say(text)
    $('text').focus()
  }}, text)
  $('ideas').append(...(about.suggestions ?? []).slice(0, 6).map(idea))
  recall()
  showAbout()
  showSettings()
  showAll()
  ready()
}

async function open() {
  const data = $('weights').textContent
  $('state').textContent = `Opening the model: ${(0.75e-6*data.length).toFixed(1)} MB …`
  try {
    inWorker()
  } catch {
    inPage()
  }
  const speed = header.speed
  const loaded = await ask('load', {header, data, code: $('kernels').textContent, speed})
  $('weights').remove() // its memory is free again
  const kernels = {int8: '8-bit WebAssembly', simd: 'WebAssembly', js: 'plain JavaScript'}[loaded.speed]
  const slower = loaded.speed === speed ? '' : ' This browser does not allow WebAssembly, so it writes more slowly.'
  $('where').textContent = `On this device only, in ${place}, with ${kernels}. Nothing is sent anywhere.${slower}`
  $('state').textContent = 'A small model that runs in this page. It makes mistakes.'
  return loaded
}

start()
const opened = open()
opened.catch(error => {
  broken = explained(error)
  $('where').textContent = 'It could not be opened.'
  const retry = make('button', {class: 'link', onclick: () => location.reload()}, 'Try again')
  $('state').replaceChildren(`The model could not be opened: ${broken} `, retry)
  $('state').className = 'bad'
  announce($('state').textContent)
})
