'use strict'
// The page: a conversation, and messages to the engine.
// What people or the model write becomes text nodes, never HTML.

const $ = id => document.getElementById(id)
const clone = id => $(id).content.firstElementChild.cloneNode(true)
const count = n => n.toLocaleString('en')
const icon = (button, name) => button.querySelector('use').setAttribute('href', '#' + name)
const talk = $('talk'), log = $('log'), state = $('state')

function announce(text) { // to a screen reader
  $('status').textContent = ''
  setTimeout(() => $('status').textContent = text, 50)
}

// ---- the engine: in a Worker, or in the page itself where that is refused
const waiting = new Map() // id -> {message, say, done, fail} of a task
let number = 0, post = null
let place = 'worker' // or 'page'
let heard = false // has the Worker said anything?
let broken = '' // why nothing can be asked

function hear({id, kind, text, result, error}) {
  const task = waiting.get(id)
  heard = true
  if (kind) return task?.say(kind, text)
  waiting.delete(id)
  if (error === undefined) task?.done(result)
  else task?.fail(Error(error))
}

function inPage() {
  place = 'page'
  post = mlxchatEngine(hear)
  for (const {message} of waiting.values()) post(message)
}

function inWorker() {
  const beginning = '\nconst engine = mlxchatEngine(o => postMessage(o))\nonmessage = event => engine(event.data)'
  const address = URL.createObjectURL(new Blob([$('engine').textContent, beginning], {type: 'text/javascript'}))
  const policy = window.trustedTypes?.createPolicy('mlxchat', {createScriptURL: o => o})
  const worker = new Worker(policy?.createScriptURL(address) ?? address)
  post = message => worker.postMessage(message)
  worker.onmessage = event => hear(event.data)
  worker.onerror = event => {
    if (!heard) return inPage()
    broken = `The engine has stopped: ${event.message || 'the browser gives no reason'}`
    for (const task of waiting.values()) task.fail(Error(broken))
    waiting.clear()
  }
}

const ask = (task, data, say) => new Promise((done, fail) => {
  if (broken) throw Error(broken)
  const message = {id: ++number, task, ...data}
  waiting.set(number, {message, say, done, fail})
  post(message)
})

// ---- kept with this entry of the browser's history, which no other page reads
const settings = {temperature: 0.3, topK: 50}
const defaults = {...settings}
let turns = [] // {role, text} of a user or an error, {role, content} of an assistant; facts: what stands below
let forgotten = 0 // turns that the model no longer sees
let old = null // {turns, forgotten} of the chat before

function keep() {
  try {
    const kept = turns.filter((turn, i) => turn.role !== 'error' || turns[i + 1]) // a last one goes
    history.replaceState({turns: kept, forgotten, old, settings}, '')
  } catch {} // refused, or too much
}

// ---- the conversation on the screen
let answering = null // {stopped}, while the model writes
let answered = null // a promise
const plain = turn => turn.text ?? turn.content.filter(part => part.type === 'text').map(part => part.text).join('')
const atEnd = () => talk.scrollHeight - talk.scrollTop - talk.clientHeight < 60
const toEnd = () => talk.scrollTop = talk.scrollHeight

function calculation(box) { // a folded card; returns what fills it
  const card = clone('call')
  box.append(card)
  return said => { // {expression, value}
    for (const name in said) for (const el of card.querySelectorAll('.' + name)) el.textContent = said[name]
    card.classList.toggle('told', 'value' in said)
  }
}

function painter(box, content) { // what draws the parts; it only adds: there may be a selection
  const drawn = []
  return () => content.forEach(({type, text}, i) => {
    if (type === 'python') (drawn[i] ??= calculation(box))({expression: text})
    else if (type === 'python_output') content[i + 1] && drawn[i - 1]?.call?.(0, {value: text}) // or of no call
    else {
      if (!drawn[i]) box.append(drawn[i] = document.createTextNode(''))
      drawn[i].appendData((i ? text.trimStart() : text).slice(drawn[i].length)) // a card ends its line
    }
  })
}

function show(turn) { // at the end
  const el = clone(turn.role)
  const words = el.querySelector('.words')
  el.querySelector('.again').onclick = regenerate
  if (turn.content) el.querySelector('.copy').onclick = event => copy(turn, words, event.currentTarget)
  el.paint = turn.content ? painter(words, turn.content) : () => words.textContent = turn.text
  el.paint()
  note(turn, el, turn.facts)
  log.append(el)
  return el
}

function note(turn, el, text = '') { // below a turn
  turn.facts = el.querySelector('.facts').textContent = text
}

function mark() { // where the model's memory begins
  log.querySelector('.mark')?.remove()
  if (forgotten) log.children[forgotten]?.before(clone('forgotten'))
}

function showAll() {
  log.replaceChildren()
  turns.forEach(show)
  mark()
  $('note').hidden = !old
  toEnd()
}

function add(turn) {
  turns.push(turn)
  return show(turn)
}

function remove(role) { // the last turn, if it is of this kind
  if (turns.at(-1)?.role !== role) return null
  log.lastElementChild.remove()
  return turns.pop()
}

async function copy(turn, words, button) {
  try {
    await navigator.clipboard.writeText(plain(turn))
  } catch { // refused: the old way
    getSelection().selectAllChildren(words)
    document.execCommand('copy')
  }
  icon(button, 'check')
  setTimeout(() => icon(button, 'copy'), 1200)
  announce('Copied')
}

// ---- asking
function summary({ids, firstAfter, seconds, stopped, full}) {
  const writing = seconds - firstAfter/1000
  return [
    `${count(ids.length)} token${ids.length > 1 ? 's' : ''}`,
    writing > 0.01 && count(Math.round((ids.length - 1)/writing)) + ' tokens/s', // clocks are coarse
    firstAfter > 100 && `first after ${(firstAfter/1000).toFixed(1)} s`,
    stopped && 'stopped',
    full && 'cut off'
  ].filter(Boolean).join(' · ')
}

function explained({message}) {
  if (!/memory|allocat/i.test(message)) return message
  return `There is not enough memory for this model (${message}). Close other tabs, then try again.`
}

function writer({content}, el) { // draws what the engine says, once a frame
  let due = false
  const draw = () => {
    due = false
    const follow = atEnd()
    el.paint()
    if (follow) toEnd()
  }
  return (type, text) => {
    if (content.at(-1)?.type !== type) content.push({type, text: ''})
    content.at(-1).text += text
    if (!due) requestAnimationFrame(draw)
    due = true
  }
}

async function answer(was) { // was: the answer before
  const seen = turns.filter((turn, i) => turn.content || !turns[i + 1] || turns[i + 1].content) // what was answered
  const messages = seen.map(({role, text, content}) => ({role, content: content ?? text}))
  const question = [turns.at(-1), log.lastElementChild]
  const turn = {role: 'assistant', content: []}
  const el = add(turn)
  const mine = answering = {stopped: false}
  let problem = '', result
  ready()
  toEnd()
  try {
    await opened
    if (!mine.stopped) result = await ask('reply', {messages, ...settings, maxTokens: 1024}, writer(turn, el))
  } catch (error) {
    problem = explained(error)
  }
  const follow = atEnd()
  const said = turn.content.some(part => part.type !== 'python_output' && part.text.trim())
  answering = null
  ready()
  el.paint()
  note(...question, result?.cut ? `too long: the model does not see its first ${count(result.cut)} tokens` : '')
  if (said && result) note(turn, el, summary(result))
  if (!said) {
    remove('assistant')
    if (was) add(was)
    else if (mine.stopped) note(...question, 'stopped before the first word')
    else problem ||= 'The model said nothing. Ask again, or in other words.'
  }
  if (problem) add({role: 'error', text: problem})
  if (result) forgotten = turns.indexOf(seen[result.dropped])
  mark()
  if (follow) toEnd()
  keep()
  announce(problem || (said ? 'The model said: ' + plain(turn) : 'Stopped'))
}

function stop() {
  if (!answering) return
  answering.stopped = true
  post?.({task: 'stop'})
}

function say(text) {
  if (answering || !text.trim()) return
  add({role: 'user', text: text.trim()})
  keep()
  answered = answer(null)
  focus()
}

function regenerate() {
  if (answering) return
  if (broken) return location.reload() // to a new engine; the conversation is kept
  remove('error')
  answered = answer(remove('assistant'))
  focus()
}

// ---- the box to type in
function ready() {
  const box = $('text'), button = $('send')
  button.disabled = !answering && !box.value.trim()
  button.title = button.ariaLabel = answering ? 'Stop' : 'Send'
  icon(button, answering ? 'stop' : 'up')
  log.ariaBusy = !!answering
  box.style.height = 'auto'
  box.style.height = box.scrollHeight + 'px'
}

// A finger has no Shift+Enter, so Enter starts a new line; and its keyboard would hide the answer.
const touched = () => matchMedia('(pointer: coarse)').matches
const focus = () => $(touched() ? 'talk' : 'text').focus()
function send() {
  if (answering) return
  say($('text').value)
  $('text').value = ''
  ready()
}
$('send').onclick = () => {
  if (answering) stop()
  else send()
  focus()
}
$('text').oninput = ready
$('text').onkeydown = event => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing || touched()) return
  event.preventDefault()
  send()
}
document.onkeydown = event => {
  if (event.key === 'Escape' && !document.querySelector('dialog[open]')) stop()
}
for (const idea of $('ideas').children) idea.onclick = () => say(idea.textContent)

// ---- a new chat, and back
function change(chat, text) {
  ({turns, forgotten} = chat)
  keep()
  showAll()
  announce(text)
  focus()
}

$('new-chat').onclick = async () => {
  stop()
  await answered
  focus()
  if (!turns.length) return
  old = {turns, forgotten}
  change({turns: [], forgotten: 0}, 'This is a new chat')
}
$('undo').onclick = () => change(old, 'The old chat is back')

// ---- settings
function set(changes) {
  Object.assign(settings, changes)
  for (const name in settings) {
    $(name).value = settings[name]
    $(name).previousElementSibling.querySelector('output').textContent = settings[name]
  }
  keep()
}
for (const name in settings) $(name).oninput = () => set({[name]: Number($(name).value)})
$('defaults').onclick = () => set(defaults)
for (const box of document.querySelectorAll('dialog')) {
  $('open-' + box.id).onclick = () => box.showModal()
  box.onclick = event => event.target.matches('dialog, .close') && box.close() // or a click beside it
}

// ---- the beginning
async function open() {
  try {
    inWorker()
  } catch {
    inPage()
  }
  const parts = ['header', 'seal', 'kernels', 'weights'].map(id => [id, $(id)?.textContent])
  const {speed} = await ask('load', Object.fromEntries(parts))
  const words = $('where').dataset
  $('where').textContent = `On this device only, in ${words[place]}, with ${words[speed]}.`
  state.textContent = state.dataset.ready
}

if (history.state?.turns) {
  ({turns, forgotten, old} = history.state)
  Object.assign(settings, history.state.settings)
}
set({})
showAll()
ready()
const opened = new Promise(done => document.addEventListener('DOMContentLoaded', done)).then(open)
opened.catch(error => {
  broken = explained(error)
  state.replaceChildren(`The model did not start. ${broken} `, clone('reload'))
  state.lastChild.onclick = () => location.reload()
  state.className = 'bad'
  announce(state.textContent)
})
if (window.mlxchatEngine) removeEventListener('load', damaged)
