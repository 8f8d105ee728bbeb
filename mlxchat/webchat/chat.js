// Settings, kept in this browser
const store = {
  get(k, otherwise) {
    try {
      return JSON.parse(localStorage.getItem('mlxchat.' + k)) ?? otherwise
    } catch {
      return otherwise
    }
  },
  set(k, v) {
    try {
      localStorage.setItem('mlxchat.' + k, JSON.stringify(v))
    } catch {}
  }
}
const dials = {
  temperature: ['Temperature', 0, 2, 0.05, '0 always takes the likeliest word, 1 is as learned.'],
  top_k: ['Top-k', 0, 200, 1, 'Draw from this many candidates; 0 means from all.'],
  top_p: ['Top-p', 0, 1, 0.01, 'Draw from the likeliest that reach this probability together; 1 means from all.'],
  min_p: ['Min-p', 0, 1, 0.01, 'Leave out what is less than this share as likely as the best.'],
  repetition_penalty: ['Repetition penalty', 0.5, 2, 0.05, 'Above 1: less of what was there before.']
}
const defaults = {
  temperature: 0.3,
  top_k: 50,
  top_p: 1,
  min_p: 0,
  repetition_penalty: 1,
  max_tokens: 1024,
  system: '',
  key: '',
  model: '',
  second: ''
}
const fields = [...Object.keys(dials), 'max_tokens', 'system', 'key']
const sound = ([k, v]) => typeof v === typeof defaults[k] && v === v // what was kept may be damaged
const settings = {...defaults, ...Object.fromEntries(Object.entries(store.get('settings', {})).filter(sound))}
const MOST = 8000 // characters of a message
const length = text => {
  let n = 0
  for (const _ of text) n++
  return n
} // as the server counts
const count = n => n.toLocaleString('en')
const tooLong = text => text.length > MOST && length(text) > MOST
const sized = text =>
  text.length > MOST - 1000
    ? make('span', tooLong(text) ? {class: 'warn'} : {}, count(length(text)) + ' of 8,000 characters')
    : ''
const thumbs = () => matchMedia('(pointer: coarse)').matches // a phone has no Shift+Enter: there the button sends
const narrow = () => innerWidth <= 720
const GONE = 'The server does not answer. Is `mlxchat serve` still running in its terminal?'
const save = () => store.set('settings', settings)
for (const [id, [label, min, max, step, what]] of Object.entries(dials))
  $('dials').append(
    make(
      'div',
      {class: 'field'},
      make('label', {for: id}, label, make('output')),
      make('input', {type: 'range', id, min, max, step}),
      make('small', {}, what)
    )
  )
function showSettings() {
  for (const k of fields) $(k).value = settings[k]
  for (const k in dials) $(k).parentNode.querySelector('output').textContent = settings[k]
  $('system-size').replaceChildren(sized(settings.system))
}
for (const k of fields)
  $(k).addEventListener('input', () => {
    const number = typeof defaults[k] === 'number',
      box = $(k)
    if (number && !box.value) return // keeps what it was
    const inside = v => Math.min(box.max, Math.max(box.min, box.step < 1 ? v : Math.round(v)))
    settings[k] = number ? inside(Number(box.value)) : box.value
    save()
    if (dials[k]) box.parentNode.querySelector('output').textContent = settings[k]
    if (k === 'system') $('system-size').replaceChildren(sized(settings.system))
  })
$('max_tokens').addEventListener('change', () => {
  if ($('max_tokens').value) showSettings()
}) // says what it was cut to
function openSettings() {
  showSettings()
  if (!$('settings').open) {
    document.activeElement?.blur()
    $('settings').showModal()
  } // Chromium loses keys where a dialog gives focus back
}
$('open-settings').onclick = openSettings
$('form').addEventListener('submit', e => {
  e.preventDefault()
  $('settings').close()
})
$('settings').addEventListener('click', e => {
  if (e.target === $('settings')) $('settings').close()
})
$('settings').addEventListener('close', async () => {
  showSettings()
  ready()
  $('text').focus()
  if ($('key-field').hidden) return
  if (!models.length) await loadModels()
  if (locked && settings.key) {
    locked = false
    again()
  } // the question that the key was wanted for
})
$('reset').onclick = () => {
  const {key, model, second} = settings
  Object.assign(settings, defaults, {key, model, second})
  save()
  showSettings()
}
function askForKey() {
  if ($('settings').open && !$('key-field').hidden && document.activeElement === $('key')) return
  $('key-field').hidden = false
  $('key-hint').textContent = settings.key
    ? 'This key was not accepted.'
    : 'This server wants a key. It is kept in this browser.'
  openSettings()
  $('key').focus()
}

// Light and dark
for (const [id, name] of [
  ['fold', 'panel'],
  ['new-chat', 'new'],
  ['open-settings', 'gear'],
  ['down', 'up'],
  ['send', 'up'],
  ['theme', 'half']
])
  $(id).append(icon(name))
const draws = (id, name) =>
  $(id)
    .querySelector('use')
    .setAttribute('href', '#' + name)
const named = (id, label) => {
  $(id).setAttribute('aria-label', label)
  $(id).title = label
}
const themes = {auto: ['half', 'as the system'], light: ['sun', 'light'], dark: ['moon', 'dark']}
function setTheme(name) {
  document.documentElement.dataset.theme = name
  draws('theme', themes[name][0])
  named('theme', 'Theme: ' + themes[name][1])
  store.set('theme', name)
}
setTheme(themes[store.get('theme')] ? store.get('theme') : 'auto')
$('theme').onclick = () => {
  const names = Object.keys(themes)
  setTheme(names[(names.indexOf(document.documentElement.dataset.theme) + 1) % 3])
  announce($('theme').title)
}

// Talking with the server
let refused = null // the key that was not accepted, so that nobody is asked twice
async function api(path, body, signal) {
  const headers = settings.key ? {authorization: 'Bearer ' + settings.key} : {}
  if (body) headers['content-type'] = 'application/json'
  let r
  try {
    r = await fetch(path, {method: body ? 'POST' : 'GET', headers, body: body && JSON.stringify(body), signal})
  } catch (e) {
    if (e.name !== 'AbortError') missed()
    throw e.name === 'AbortError' ? e : new Error(GONE)
  }
  if (r.ok) {
    refused = null
    return r
  }
  let message = 'The server answered with status ' + r.status + '.'
  try {
    message = (await r.json()).error.message
  } catch {}
  if (r.status === 401) {
    const known = refused === settings.key && !body
    refused = settings.key
    if (!known) askForKey()
  }
  throw Object.assign(new Error(message), {status: r.status, after: pause(r)})
}
const pause = r => {
  // seconds until a server that is busy wants to be asked again, 0 if it does not say
  const said = [429, 503].includes(r.status) ? r.headers.get('retry-after') : null,
    n = /^\d+$/.test(said) ? Number(said) : (Date.parse(said) - Date.now()) / 1000
  return n >= 0 ? Math.min(Math.max(Math.ceil(n), 1), 600) : 0
}
async function patiently(path, body, voice, {signal}, changed) {
  // a server that is busy is asked again when it wants to be, until it answers or somebody stops
  for (let told = false; ;)
    try {
      return await api(path, body, signal)
    } catch (e) {
      if (!e.after) throw e
      const until = performance.now() + e.after * 1000,
        left = () => Math.ceil((until - performance.now()) / 1000)
      if (!told) announce(e.message + ' The question is sent again in ' + e.after + ' s')
      told = true
      for (voice.now = false; left() > 0 && !voice.now && !signal.aborted;) {
        voice.waits = e.message + ' · sent again in ' + left() + ' s'
        changed()
        await new Promise(go => setTimeout(go, 100))
      }
      voice.waits = ''
      changed()
    }
}
// A timer, while the server does not answer: it is asked quietly, and when it is back, what said so goes away
let gone = 0
function missed() {
  gone ||= setInterval(async () => {
    try {
      if (!(await fetch('health')).ok) return
    } catch {
      return
    }
    clearInterval(gone)
    gone = 0
    if (problem?.gone) {
      problem = null
      drawAll()
    }
    await loadModels()
    announce('The server is back')
    if (!$('training').hidden) refresh()
  }, 2000)
}
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  for (let held = ''; ;) {
    const {value, done} = await reader.read().catch(e => {
      if (e.name === 'AbortError') throw e
      missed()
      throw new Error('The connection was lost.')
    })
    if (done) return
    const lines = (held + value).split('\n')
    held = lines.pop()
    for (const line of lines) if (line.startsWith('data: {')) yield JSON.parse(line.slice(6))
  }
}
let models = [],
  training = [],
  locked = false,
  empty = false // locked: a question waits for a key; empty: there is no model, which is known
const kind = o => {
  // what a run should not be taken for: a chat model, or a finished one
  const marks = [
    ...(o.stage === 'base' ? ['base model'] : []),
    ...(o.total > o.step ? ['step ' + count(o.step) + ' of ' + count(o.total)] : [])
  ]
  return marks.length ? ' (' + marks.join(', ') + ')' : ''
}
async function loadModels() {
  try {
    models = await (await api('api/runs')).json()
  } catch {
    return
  }
  empty = !models.length
  const names = models.map(o => o.tag)
  for (const k of ['model', 'second']) if (!names.includes(settings[k])) settings[k] = ''
  $('model').replaceChildren(...models.map((o, i) => make('option', {value: i ? o.tag : ''}, o.tag + kind(o))))
  $('second').replaceChildren(
    make('option', {value: ''}, 'no other model'),
    ...models.map(o => make('option', {value: o.tag}, o.tag + kind(o)))
  )
  $('model').value = names.indexOf(settings.model) > 0 ? settings.model : ''
  $('second').value = settings.second
  $('model').hidden = empty
  $('beside').hidden = models.length < 2
  about()
  if (empty) await loadTraining()
}
async function loadTraining() {
  try {
    training = await (await api('api/training')).json()
  } catch {
    return false
  }
  if (!models.length) about()
  return true
}
const chosen = () => models.find(o => o.tag === settings.model) ?? models[0]
const second = () => models.find(o => o.tag === settings.second && o !== chosen())
const duration = s =>
  s < 90
    ? Math.round(s) + ' s'
    : s < 5400
      ? Math.round(s / 60) + ' min'
      : Math.floor(s / 3600) + ' h ' + Math.round((s % 3600) / 60) + ' min'
const progress = o =>
  (o.step === undefined ? (o.state ?? 'begins') : 'step ' + count(o.step) + (o.total ? ' of ' + count(o.total) : '')) +
  (o.left === undefined ? '' : ', ' + duration(o.left) + ' left')
function about() {
  // what the empty page says
  const o = chosen(),
    now = training.filter(o => o.running),
    base = o?.stage === 'base'
  if (o?.tag === settings.second) settings.second = $('second').value = ''
  for (const p of $('second').options) p.disabled = p.value === o?.tag
  const scores = Object.entries(o?.scores ?? {})
    .slice(0, 8)
    .map(([k, v]) => `${k} ${Math.round(v * 100)}%`)
  $('greeting').textContent = empty
    ? 'Nothing to talk to yet'
    : base
      ? 'How does a text begin?'
      : 'What shall we talk about?'
  $('about').textContent = base
    ? `“${o.tag}” was not taught to answer. It goes on with a text: begin a sentence, and see where it leads.`
    : o
      ? `“${o.tag}” was trained with mlxchat and runs on this machine. It is small, and it makes mistakes.` +
        (scores.length ? ` Right in its exam: ${scores.join(', ')}.` : '') +
        (o.suggestions.length ? ' This is what it has practised:' : '')
      : now.length
        ? now.map(o => `“${o.tag}” is in training: ${progress(o)}.`).join(' ') +
          ' With its first checkpoint it can answer here.'
        : 'A model can answer from its first checkpoint on. `mlxchat demo` makes one in a few minutes.'
  $('text').placeholder = empty ? 'Nothing to talk to yet' : base ? 'Begin a sentence' : 'Ask something'
  document.querySelector('.ideas').replaceChildren(
    ...(o?.suggestions ?? []).map(text =>
      make(
        'button',
        {
          onclick: () => {
            say(text)
            $('text').focus()
          }
        },
        text
      )
    )
  )
  $('early').hidden = !empty
  $('early').textContent = 'Nothing to talk to yet. ' + $('about').textContent
  ready()
}
for (const k of ['model', 'second'])
  $(k).onchange = () => {
    settings[k] = $(k).value
    save()
    about()
    $('text').focus()
  }

// What is shown: `turns`, the branch of the conversation's tree that was chosen, and a problem behind it, if any
let turns = [],
  answering = null,
  problem = null
const plain = o =>
  o.parts
    .filter(p => p.type === 'text')
    .map(p => p.text)
    .join('')
const atEnd = () => $('talk').scrollHeight - $('talk').scrollTop - $('talk').clientHeight < 60
const toEnd = () => ($('talk').scrollTop = $('talk').scrollHeight)
const parentOf = turn => turns[turns.indexOf(turn) - 1] ?? here.root
function words(parts) {
  // of an answer
  const out = []
  for (let i = 0; i < parts.length; i++) {
    const {type, text} = parts[i],
      result = type === 'python' && parts[i + 1]?.type === 'python_output' ? parts[++i].text : ''
    if (type === 'text') {
      out.push(...markdown(text))
      continue
    }
    out.push(
      make(
        'details',
        {class: 'call'},
        make(
          'summary',
          {title: 'A call of the calculator'},
          type === 'python' ? text + (result && ' = ') : '= ',
          make('b', {}, result || (type === 'python' ? '' : text))
        ),
        make('pre', {tabindex: 0}, text + (result && '\n= ' + result))
      )
    )
  }
  return out
}
function draw(turn) {
  if (turn.editing) return
  const i = turns.indexOf(turn),
    busy = answering?.turn === turn,
    last = i === turns.length - 1,
    buttons = [],
    {role} = turn
  const word = (text, onclick, label = text) => make('button', {class: 'word', 'aria-label': label, onclick}, text)
  const voices = [turn, ...(turn.beside ? [turn.beside] : [])].map(o => {
    const box = make('div', {class: 'words'}, ...(role === 'assistant' ? words(o.parts) : [plain(o)])),
      end = box.lastChild
    if (busy && !o.done)
      (end?.nodeName === 'P' ? end : box).append(make('span', {class: 'caret', 'aria-hidden': 'true'}))
    if (busy && o.waits) {
      const now = word('Now', () => (o.now = true), 'Send it now')
      box.append(make('div', {class: 'facts'}, o.waits + ' ', now))
    }
    return turn.beside ? make('div', {class: 'voice'}, box, make('div', {class: 'facts'}, o.facts)) : box
  })
  const all = i < 0 ? [] : parentOf(turn).next,
    at = all.indexOf(turn)
  if (all.length > 1 && !answering)
    buttons.push(
      word('‹', () => branch(turn, -1), 'Earlier version'),
      `${at + 1}/${all.length}`,
      word('›', () => branch(turn, 1), 'Later version')
    )
  if (!busy && i >= 0) buttons.push(small('copy', 'Copy', e => copy(plain(turn), e.currentTarget)))
  if (!busy && role === 'user') buttons.push(small('pen', 'Edit', () => edit(turn)))
  if (!answering && i >= 0 && (last || role === 'assistant'))
    buttons.push(small('again', role === 'user' ? 'Ask again' : 'Regenerate', () => regenerate(turn)))
  if (!answering && last && turn.open && !turn.beside) buttons.push(word('Continue', () => answer(turns.at(-2), turn)))
  if (!answering && i < 0) buttons.push(word('Try again', again))
  if (turn.facts && !turn.beside && !busy) buttons.push(make('span', {class: 'facts'}, turn.facts))
  turn.el.className = 'turn ' + role + (turn.beside ? ' two' : '')
  const edge = i > 0 && i === turns.findLast(t => t.role === 'assistant')?.from
  update(turn.el, [
    ...(edge ? [make('div', {class: 'edge'}, 'The model no longer sees what is above')] : []),
    make('span', {class: 'unseen'}, {user: 'You said:', assistant: 'The model said:', error: 'Error:'}[role]),
    ...(turn.beside ? [make('div', {class: 'voices'}, ...voices)] : voices),
    make('div', {class: 'below'}, ...buttons)
  ])
}
function drawAll() {
  turns = []
  for (let t = here.root; (t = t.next[t.on]);) turns.push(t)
  const shown = problem ? [...turns, problem] : turns
  shown.forEach((t, i) => {
    t.el ??= make('div')
    if ($('log').children[i] !== t.el) $('log').insertBefore(t.el, $('log').children[i] ?? null)
  })
  while ($('log').children.length > shown.length) $('log').lastChild.remove()
  shown.forEach(draw)
  $('hello').hidden = shown.length > 0
  $('log').hidden = !shown.length
  $('down').hidden = !shown.length || atEnd()
}
function messages(list = turns, side = false) {
  // no more than the server takes: 8,000 characters a message, 32,000 in all; the oldest turns go first
  const cut = parts => {
    let left = MOST
    return parts
      .map(({type, text}) => {
        text = text.slice(0, left)
        left -= text.length
        return {type, text}
      })
      .filter(p => p.text)
  }
  const size = ([m]) =>
    typeof m.content === 'string' ? m.content.length : m.content.reduce((n, p) => n + p.text.length, 0)
  const out = [],
    system = settings.system.trim() ? [{role: 'system', content: settings.system}] : []
  list.forEach((t, i) => {
    const {parts} = (side && t.beside) || t
    if (t.role === 'user') out.push([{role: 'user', content: plain(t)}, i])
    else if (parts.some(p => p.type !== 'python_output' && p.text.trim()))
      out.push([{role: 'assistant', content: cut(parts)}, i])
  })
  let said = out.reduce((n, m) => n + size(m), system[0]?.content.length ?? 0)
  while (out.length > 1 && (said > 4 * MOST || out.length > 499 || out[0][0].role !== 'user')) said -= size(out.shift())
  return {list: [...system, ...out.map(o => o[0])], at: out.map(o => o[1])} // at: of which turns
}
async function speak(voice, model, list, side, control, changed) {
  // one model's answer, as it comes; what went wrong is thrown
  const {max_tokens} = settings,
    wishes = {model: model?.tag ?? '', max_tokens},
    asked = performance.now()
  for (const k in dials) wishes[k] = settings[k]
  let n = 0,
    start = 0,
    last = 0,
    whole = false
  try {
    const {list: sent, at} = messages(list, side),
      begun = list.at(-1) === voice ? plain(list.at(-2)) + plain(voice) : plain(list.at(-1))
    const r =
      model?.stage === 'base'
        ? await patiently('v1/completions', {prompt: begun, stream: true, ...wishes}, voice, control, changed)
        : await patiently('chat/completions', {messages: sent, ...wishes}, voice, control, changed)
    voice.from =
      model?.stage === 'base' ? list.length - 1 : (at[Number(r.headers.get('x-mlxchat-dropped-messages'))] ?? 0)
    for await (const e of events(r)) {
      if (e.error) throw new Error(e.error.message)
      whole ||= !!(e.done || e.choices?.[0]?.finish_reason)
      const text = e.choices?.[0]?.text ?? e.token,
        type = {python: 'python', output: 'python_output'}[e.kind] ?? 'text',
        end = voice.parts.at(-1)
      if (!text) continue
      n++
      last = performance.now()
      start ||= last
      if (end?.type === type) end.text += text
      else voice.parts.push({type, text})
      changed()
    }
    if (!whole) throw new Error('The connection was lost.')
    voice.open = n >= max_tokens
  } catch (e) {
    if (e.status === 401) {
      locked = true
      e.message = 'This server wants its key, which can be given in the settings.'
    }
    if (e.name !== 'AbortError') throw e
  } finally {
    voice.done = true
    const facts = n ? [model?.tag ?? '', n === 1 ? '1 token' : `${count(n)} tokens`] : []
    if (n > 1 && last - start > 100) facts.push(`${Math.round(((n - 1) * 1000) / (last - start))} tokens/s`)
    if (n) facts.push(`first after ${((start - asked) / 1000).toFixed(2)} s`)
    if (n && !whole) facts.push(control.signal.aborted ? 'stopped' : 'interrupted')
    if (n) voice.facts = facts.join(' · ')
  }
  return n
}
async function answer(question, going) {
  // going: an answer that goes on; otherwise there is a new one, beside those that were there
  const chat = here,
    control = new AbortController(),
    was = question.on,
    other = !going && second(),
    list = turns.slice(0, turns.indexOf(question) + 1)
  const fresh = () => ({parts: [], facts: 'interrupted', open: true}) // as it is kept if the page is closed meanwhile
  const turn = going ?? {id: uid(), role: 'assistant', ...fresh(), next: [], on: 0, ...(other ? {beside: fresh()} : {})}
  turn.done = false
  if (going) list.push(turn)
  else question.on = question.next.push(turn) - 1
  question.facts = ''
  problem = null
  answering = {turn, control}
  $('log').setAttribute('aria-busy', 'true')
  drawAll()
  toEnd()
  ready()
  let due = false,
    kept = Date.now()
  const changed = () => {
    if (!due && here === chat)
      due = !!requestAnimationFrame(() => {
        due = false
        if (answering?.turn === turn) {
          const follow = atEnd()
          draw(turn)
          if (follow) toEnd()
        }
      })
    if (Date.now() - kept > 1000) {
      kept = Date.now()
      keep(chat)
    }
  }
  const ends = await Promise.allSettled([
    speak(turn, chosen(), list, false, control, changed),
    ...(turn.beside ? [speak(turn.beside, other, list, true, control, changed)] : [])
  ])
  const stopped = control.signal.aborted,
    said = ends.some(o => o.value),
    why = ends.find(o => o.reason)?.reason
  for (const [i, o] of [turn, turn.beside].entries()) if (o && !o.parts.length) o.facts = ends[i].reason?.message ?? ''
  if (!said && !turn.parts.length && !turn.beside?.parts.length) {
    question.next.splice(question.next.indexOf(turn), 1)
    question.on = Math.min(was, Math.max(0, question.next.length - 1))
    if (stopped && !why) question.facts = 'stopped before the first word'
  }
  answering = null
  keep(chat)
  if (here === chat) {
    const text = why ? why.message : said || stopped || going ? '' : 'The model said nothing.',
      follow = atEnd()
    if (text) problem = {role: 'error', parts: [{type: 'text', text}], gone: !!gone, again: () => answer(question)}
    drawAll()
    if (follow) toEnd()
    announce(text || (stopped ? 'Stopped' : 'The answer is complete'))
  } else drawAll()
  $('log').setAttribute('aria-busy', 'false')
  ready()
}
const stop = () => answering?.control.abort()
function say(text, parent = turns.findLast(t => t.role === 'assistant') ?? here.root) {
  if (answering || !text.trim() || empty) return
  const turn = {id: uid(), role: 'user', parts: [{type: 'text', text: text.trim()}], facts: '', next: [], on: 0}
  parent.on = parent.next.push(turn) - 1
  problem = null
  drawAll()
  keep()
  answer(turn)
}
function regenerate(turn) {
  if (answering) return
  answer(turn.role === 'user' ? turn : parentOf(turn))
  $('text').focus()
}
function again() {
  // what failed
  if (answering) return
  if (problem?.again) problem.again()
  else if (turns.at(-1)?.role === 'user') answer(turns.at(-1))
  $('text').focus()
}
function branch(turn, by) {
  // another version of a question or an answer, and all that followed it
  const parent = parentOf(turn),
    n = parent.next.length
  parent.on = (parent.next.indexOf(turn) + by + n) % n
  problem = null
  drawAll()
  keep()
  parent.next[parent.on].el.querySelector(`[aria-label="${by < 0 ? 'Earlier' : 'Later'} version"]`).focus()
}
async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text)
  } catch {
    // without https there is only the old way
    const box = make('textarea', {class: 'unseen'})
    box.value = text
    document.body.append(box)
    box.select()
    document.execCommand('copy')
    box.remove()
  }
  const was = [...button.childNodes]
  button.replaceChildren(icon('check'))
  setTimeout(() => button.replaceChildren(...was), 1200)
  announce('Copied')
}
$('log').addEventListener('click', e => {
  if (e.target.className === 'copy') copy(e.target.closest('.code').querySelector('pre').textContent, e.target)
})
function edit(turn) {
  if (answering || turn.editing) return
  const box = make('textarea', {class: 'edit', dir: 'auto', 'aria-label': 'Edit your message'}),
    size = make('div', {class: 'hint'})
  box.value = plain(turn)
  const leave = () => {
    turn.editing = false
    turn.el.replaceChildren()
    draw(turn)
  }
  const cancel = () => {
    leave()
    turn.el.querySelector('[aria-label=Edit]').focus()
  }
  const resend = () => {
    if (!box.value.trim() || tooLong(box.value) || answering) return
    leave()
    say(box.value, parentOf(turn))
    $('text').focus()
  }
  box.addEventListener('keydown', e => {
    if (e.key === 'Escape') {
      e.stopPropagation()
      cancel()
    }
    if (e.key === 'Enter' && !e.shiftKey && !e.isComposing && !thumbs()) {
      e.preventDefault()
      resend()
    }
  })
  box.addEventListener('input', () => size.replaceChildren(sized(box.value)))
  turn.editing = true
  turn.el.replaceChildren(
    box,
    size,
    make(
      'div',
      {class: 'row'},
      make('button', {class: 'plain', onclick: cancel}, 'Cancel'),
      make('button', {class: 'main', onclick: resend}, 'Send again')
    )
  )
  box.focus()
}

// The box to type in
function ready() {
  const button = $('send'),
    busy = !!answering,
    box = $('text'),
    notes = []
  button.disabled = !busy && (!box.value.trim() || tooLong(box.value) || empty)
  named('send', busy ? 'Stop' : 'Send')
  draws('send', busy ? 'stop' : 'up')
  if (!$('chat').hidden) {
    box.style.height = 'auto'
    box.style.height = Math.min(box.scrollHeight, 200) + 'px'
  } // what is hidden has no height
  notes.push(sized(box.value))
  if (settings.system.trim()) notes.push(make('button', {onclick: openSettings}, 'System message is on'))
  if (!thumbs()) notes.push(make('span', {}, 'Enter sends, Shift+Enter starts a new line, Esc stops'))
  $('hint').replaceChildren(...notes.filter(o => o))
}
function send() {
  if (answering) return stop()
  const text = $('text').value
  if (!text.trim() || tooLong(text) || empty) return
  $('text').value = ''
  say(text)
  ready()
}
$('send').onclick = () => {
  send()
  $('text').focus()
}
$('text').addEventListener('input', ready)
$('text').addEventListener('keydown', e => {
  if (e.key === 'Enter' && !e.shiftKey && !e.isComposing && !thumbs()) {
    e.preventDefault()
    if (!answering) send()
  }
  const last = turns.findLast(t => t.role === 'user')
  if (e.key === 'ArrowUp' && !$('text').value && last) {
    e.preventDefault()
    edit(last)
  }
})
document.addEventListener('keydown', e => {
  if (e.key === 'Escape' && answering && !$('settings').open) stop()
  const key = (e.ctrlKey || e.metaKey) && e.key.toLowerCase()
  const act =
    key === 'b'
      ? () => fold()
      : key === 'k'
        ? () => {
            fold(false)
            $('find').focus()
          }
        : key === 'o' && e.shiftKey
          ? () => $('new-chat').click()
          : null
  if (act) {
    e.preventDefault()
    act()
  }
})
$('talk').addEventListener('scroll', () => ($('down').hidden = atEnd() || !turns.length))
$('down').onclick = () => {
  toEnd()
  $('text').focus()
}

// Tabs
function show(name) {
  for (const o of ['chat', 'training']) {
    $(o).hidden = o !== name
    $('tab-' + o).setAttribute('aria-selected', o === name)
    $('tab-' + o).tabIndex = o === name ? 0 : -1
  }
  if (name === 'training') refresh()
  else ready()
}
for (const [name, other] of [
  ['chat', 'training'],
  ['training', 'chat']
]) {
  $('tab-' + name).onclick = () => show(name)
  $('tab-' + name).addEventListener('keydown', e => {
    if (['ArrowLeft', 'ArrowRight'].includes(e.key)) {
      show(other)
      $('tab-' + other).focus()
    }
  })
}
