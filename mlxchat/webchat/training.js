// Training: what happens now, curves by stage, what was said at each step
let curves = {},
  said = {},
  seen = {} // of each run: stage -> name -> points; samples; when its files changed
const plots = {loss: 'Loss', val_bpb: 'Bits per byte', skills: 'Skills'},
  axes = {step: 'Steps', tokens: 'Tokens', elapsed_seconds: 'Time'}
const wanted = {what: 'loss', axis: 'step'}
const picked = new Map() // what the user has switched on or off; otherwise the newest three runs are on
for (const [id, names] of [
  ['what', plots],
  ['axis', axes]
]) {
  const radios = Object.entries(names).map(([name, label], i) =>
    make('button', {role: 'radio', 'data-name': name, 'aria-checked': !i, tabindex: i ? -1 : 0}, label)
  )
  const choose = b => {
    wanted[id] = b.dataset.name
    for (const o of radios) {
      o.setAttribute('aria-checked', o === b)
      o.tabIndex = o === b ? 0 : -1
    }
    plot()
  }
  radios.forEach((b, i) => {
    b.onclick = () => choose(b)
    b.onkeydown = e => {
      if (e.key.startsWith('Arrow')) {
        const o = radios[(i + (/Left|Up/.test(e.key) ? 2 : 1)) % 3]
        choose(o)
        o.focus()
      }
    }
  })
  $(id).append(...radios)
}
for (const [id, on] of [
  ['all', true],
  ['none', false]
])
  $(id).onclick = () => {
    for (const {name} of lines()) picked.set(name, on)
    drawTraining()
  }
const drawTraining = () => {
  now()
  listRuns()
  plot()
  samples()
}
async function refresh() {
  const there = await loadTraining(),
    of = (tag, what) => api('api/runs/' + encodeURIComponent(tag) + '/' + what).then(r => r.json())
  $('trouble').hidden = there
  $('trouble').textContent = there ? '' : gone ? GONE : 'The runs could not be read.'
  if (!there) return plot()
  await Promise.all(
    training.map(async o => {
      if (seen[o.tag] === o.changed) return
      try {
        ;[curves[o.tag], said[o.tag]] = await Promise.all([of(o.tag, 'metrics'), of(o.tag, 'samples')])
        seen[o.tag] = o.changed
      } catch {}
    })
  )
  for (const tag of Object.keys(curves)) if (!training.some(o => o.tag === tag)) delete curves[tag]
  drawTraining()
}
let looked = 0
setInterval(() => {
  // every two seconds while something is trained, else every ten
  if (!models.length && !gone && refused !== settings.key) loadModels()
  if (
    $('training').hidden ||
    document.hidden ||
    gone ||
    Date.now() - looked < (training.some(o => o.running) ? 1900 : 9900)
  )
    return
  looked = Date.now()
  refresh()
}, 2000)
const title = {base: 'Pretraining', mid: 'Midtraining', sft: 'Fine-tuning', rl: 'Reinforcement learning'}
const lines = () =>
  training.flatMap((o, i) =>
    Object.entries(curves[o.tag] ?? {}).map(([stage, values]) => {
      const name = o.tag + (stage === 'base' ? '' : ', ' + stage)
      return {name, tag: o.tag, stage, values, on: picked.get(name) ?? i < 3, status: o.stage === stage ? o : {}}
    })
  )
const colours = new Map() // of the runs that are shown; the first six have one each
function colour(tag) {
  if (!colours.has(tag))
    colours.set(tag, [0, 1, 2, 3, 4, 5].find(i => ![...colours.values()].includes(i)) ?? colours.size % 6)
  return `var(--c${colours.get(tag)})`
}
const dot = tag => {
  const o = make('span', {class: 'dot'})
  o.style.background = colour(tag)
  return o
}
const nice = v => (v === undefined ? '–' : Math.abs(v) >= 100 ? v.toFixed(0) : v.toFixed(Math.abs(v) >= 10 ? 2 : 3))
const short = v => {
  for (const [n, unit] of [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k']
  ])
    if (Math.abs(v) >= (n === 1e3 ? 1e4 : n)) return +(v / n).toPrecision(3) + unit
  return String(+v.toPrecision(4))
}
const figure = (value, what) => make('div', {}, make('b', {}, value), make('span', {}, what))
const last = points => points?.at(-1)?.[1]
let sure = '' // the run that is asked to stop, once that was clicked; a second click means it
function now() {
  // what is in training at this moment
  update(
    $('now'),
    training
      .filter(o => o.running)
      .map(o => {
        const bar = make('progress', {
          max: o.total ?? 1,
          'aria-label': 'Progress of ' + o.tag,
          ...(o.step !== undefined && o.total ? {value: o.step} : {})
        })
        const tokens = last(curves[o.tag]?.[o.stage]?.tokens),
          figures = [
            o.step !== undefined &&
              figure(
                count(o.step) + (o.total ? ' of ' + count(o.total) : ''),
                (title[o.stage] ?? o.stage) + ', step' + (o.micros > 1 ? `, micro-batch ${o.micro} of ${o.micros}` : '')
              ),
            o.left !== undefined && figure(duration(o.left), 'left'),
            o.loss !== undefined && figure(nice(o.loss), 'loss'),
            o.val_bpb !== undefined &&
              figure(nice(o.val_bpb), 'bits per byte' + (o.val_step === undefined ? '' : ' at ' + count(o.val_step))),
            tokens !== undefined && figure(short(tokens), 'tokens'),
            o.tok_per_s !== undefined && figure(count(Math.round(o.tok_per_s)), 'tokens/s'),
            o.memory > 0 && figure((o.memory / 1e9).toFixed(1) + ' GB', 'memory')
          ].filter(f => f)
        const halt = make(
          'button',
          {class: 'plain', 'data-stop': o.tag, ...(o.stopping ? {disabled: ''} : {})},
          o.stopping ? 'Stops after this step' : sure === o.tag ? 'Really stop? It is saved' : 'Stop after this step'
        )
        return make(
          'section',
          {class: 'card'},
          make('h3', {}, o.tag + (o.state && o.state !== 'training' ? ', ' + o.state : '')),
          make('div', {class: 'figures'}, ...figures, halt),
          bar
        )
      })
  )
}
$('now').addEventListener('click', async e => {
  const tag = e.target.dataset.stop
  if (!tag) return
  if (sure !== tag) {
    sure = tag
    setTimeout(() => {
      sure = ''
      now()
    }, 5000)
    return now()
  }
  sure = ''
  try {
    await api('api/runs/' + encodeURIComponent(tag) + '/stop', {})
    announce(tag + ' stops after this step')
  } catch (e) {
    toast(e.message)
  }
  refresh()
})
const rows = new Map() // of the table; they stay while they are clicked on
function listRuns() {
  const body = document.querySelector('tbody'),
    all = lines()
  for (const tag of colours.keys()) if (!all.some(l => l.tag === tag && l.on)) colours.delete(tag)
  const wanted = all.map(({name, tag, values, on, status}) => {
    if (!rows.has(name)) {
      const box = make('input', {
        type: 'checkbox',
        'data-run': name,
        onchange: e => {
          picked.set(name, e.target.checked)
          drawTraining()
        }
      })
      rows.set(
        name,
        make('tr', {}, make('td', {}, make('label', {}, box, name)), ...'12345'.split('').map(() => make('td')))
      )
    }
    const row = rows.get(name),
      box = row.querySelector('input'),
      step = status.step ?? values.loss.at(-1)?.[0] ?? 0,
      seconds = last(values.elapsed_seconds),
      tokens = last(values.tokens)
    box.checked = on
    box.style.accentColor = on ? colour(tag) : ''
    const facts = [
      count(step) + (status.total > step ? ' of ' + count(status.total) : ''),
      nice(last(values.loss)),
      nice(last(values.val_bpb)),
      tokens ? short(tokens) : '–',
      seconds ? duration(seconds) : '–'
    ]
    facts.forEach((text, i) => {
      if (row.cells[i + 1].textContent !== text) row.cells[i + 1].textContent = text
    })
    return row
  })
  if (wanted.length !== body.children.length || wanted.some((row, i) => row !== body.children[i])) {
    const focused = document.activeElement
    body.replaceChildren(...wanted)
    if (body.contains(focused)) focused.focus()
  }
  document.querySelector('#training table').hidden = !body.children.length
  $('all').hidden = $('none').hidden = all.length < 2
}
function ticks(low, high, n) {
  const raw = (high - low) / n || 1,
    power = 10 ** Math.floor(Math.log10(raw)),
    step = [1, 2, 5, 10].map(o => o * power).find(o => o >= raw)
  const out = []
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-9; v += step)
    out.push(Math.abs(v) < step * 1e-9 ? 0 : v)
  return out
}
function decades(low, high) {
  // ticks of a logarithmic axis
  if (high / low < 8) return ticks(low, high, 7)
  const out = []
  for (let p = Math.floor(Math.log10(low)); p <= Math.log10(high); p++)
    for (const o of high / low < 100 ? [1, 2, 5] : [1]) out.push(o * 10 ** p)
  return out.filter(v => v >= low && v <= high)
}
function smooth(points) {
  // each the mean of itself and a few on both sides
  const most = Math.ceil(points.length / 60)
  return points.map(([x], i) => {
    const k = Math.min(most, i, points.length - 1 - i),
      some = points.slice(i - k, i + k + 1)
    return [x, some.reduce((a, p) => a + p[1], 0) / some.length]
  })
}
function against(points, scale) {
  // the same over tokens or seconds, which are known at some steps
  if (wanted.axis === 'step') return points
  if (!scale?.length) return []
  return points.map(([step, y]) => {
    const i = scale.findIndex(p => p[0] >= step),
      [s1, v1] = scale[i < 0 ? scale.length - 1 : i],
      [s0, v0] = scale[(i < 0 ? scale.length : i) - 1] ?? [0, 0]
    return [s1 === s0 ? v1 : v0 + ((v1 - v0) * (step - s0)) / (s1 - s0), y]
  })
}
function plot() {
  // one chart for each stage, because they have little in common
  const all = lines(),
    kind = wanted.what,
    what = {loss: 'training loss', val_bpb: 'bits per byte on unseen text', skills: 'share of right answers'}[kind]
  const series = l =>
    kind === 'skills' ? Object.entries(l.values.skills).map(([k, points]) => [k, points]) : [['', l.values[kind]]]
  const shown = all
    .filter(l => l.on)
    .flatMap(l =>
      series(l).map(([k, points]) => ({
        ...l,
        label: l.tag + (k && ', ' + k),
        points: against(points, l.values[wanted.axis])
      }))
    )
    .filter(l => l.points.length)
  const stages = Object.keys(title)
    .concat(shown.map(l => l.stage))
    .filter((s, i, o) => o.indexOf(s) === i && shown.some(l => l.stage === s))
  if (!shown.length)
    return $('chart').replaceChildren(
      make(
        'div',
        {class: 'card none'},
        all.length
          ? `No ${what} to show yet.`
          : gone
            ? 'Nothing to show without the server.'
            : training.some(o => o.running)
              ? 'There is nothing to draw yet.'
              : 'No run has left any metrics yet.'
      )
    )
  $('chart').replaceChildren(
    ...stages.map(stage => {
      const some = shown.filter(l => l.stage === stage),
        card = make(
          'section',
          {class: stages.length > 1 ? 'card low' : 'card'},
          make('h3', {}, (title[stage] ?? stage) + ', ' + what)
        )
      const single = some.filter(l => l.points.length === 1) // a single value is a number and no curve
      if (single.length)
        card.append(
          make(
            'div',
            {class: 'figures'},
            ...single.map(l => {
              const [x, value] = l.points[0]
              return make(
                'div',
                {},
                make('b', {}, kind === 'skills' ? Math.round(value * 100) + '%' : nice(value)),
                dot(l.tag),
                make('span', {}, l.label + ', ' + place(x))
              )
            })
          )
        )
      if (some.length > single.length)
        chart(
          card,
          some.filter(l => l.points.length > 1),
          what,
          stages.length > 1
        )
      return card
    })
  )
}
const place = x =>
  wanted.axis === 'step' ? 'step ' + count(x) : wanted.axis === 'tokens' ? short(x) + ' tokens' : duration(x)
function chart(card, shown, what, low) {
  const W = Math.max(300, $('chart').clientWidth - 26),
    H = narrow() ? 230 : low ? 260 : 360,
    L = 44,
    R = 24,
    T = 10,
    B = 40
  const xs = shown.flatMap(l => l.points.map(p => p[0])),
    ys = shown.flatMap(l => l.points.map(p => p[1])),
    x1 = Math.max(...xs) || 1
  const least = Math.min(...ys),
    most = Math.max(...ys),
    log = least > 0 && wanted.what !== 'skills',
    f = log ? Math.log : v => v
  const pad = (f(most) - f(least)) * 0.05 || 0.1,
    [y0, y1] = [f(least) - pad, f(most) + pad],
    back = log ? Math.exp : v => v
  const X = v => L + (v / x1) * (W - L - R),
    Y = v => T + ((y1 - f(v)) / (y1 - y0)) * (H - T - B),
    time = wanted.axis === 'elapsed_seconds',
    unit = !time ? 1 : x1 > 7200 ? 3600 : x1 > 120 ? 60 : 1
  const svg = make('svg', {
    viewBox: `0 0 ${W} ${H}`,
    role: 'img',
    'aria-label':
      `${what}, by ${axes[wanted.axis].toLowerCase()}. ` +
      shown.map(({label, points: l}) => `${label}: from ${nice(l[0][1])} to ${nice(last(l))}`).join('; ')
  })
  for (const v of (log ? decades : (a, b) => ticks(a, b, 5))(back(y0), back(y1)))
    svg.append(
      make('line', {class: 'grid', x1: L, x2: W - R, y1: Y(v), y2: Y(v)}),
      make('text', {x: L - 7, y: Y(v) + 4, 'text-anchor': 'end'}, short(v))
    )
  for (const v of ticks(0, x1 / unit, W < 500 ? 4 : 8))
    svg.append(make('text', {x: X(v * unit), y: H - B + 18, 'text-anchor': 'middle'}, short(v)))
  svg.append(
    make(
      'text',
      {x: (L + W - R) / 2, y: H - 5, 'text-anchor': 'middle'},
      time ? {1: 'seconds', 60: 'minutes', 3600: 'hours'}[unit] : {step: 'step', tokens: 'tokens'}[wanted.axis]
    )
  )
  const line = (kind, points, tag) => {
    const o = make('path', {
      class: kind,
      d: 'M' + points.map(p => X(p[0]).toFixed(1) + ',' + Y(p[1]).toFixed(1)).join('L')
    })
    o.style.stroke = colour(tag)
    svg.append(o)
  }
  for (const {tag, points} of shown) {
    const many = wanted.what === 'loss' && points.length > 60 // a pale line, and over it a smooth one
    if (many) line('raw', points, tag)
    line('curve', many ? smooth(points) : points, tag)
    if (points.length < 40)
      for (const p of points) {
        const c = make('circle', {cx: X(p[0]), cy: Y(p[1]), r: 3})
        c.style.fill = colour(tag)
        svg.append(c)
      }
  }
  const mark = make('line', {class: 'grid', y1: T, y2: H - B, visibility: 'hidden'}),
    tip = make('div', {class: 'tip', hidden: ''})
  svg.append(mark)
  svg.addEventListener('pointermove', e => {
    const box = svg.getBoundingClientRect(),
      at = ((e.clientX - box.left) / box.width) * W,
      closer = (a, b) => (Math.abs(X(b[0]) - at) < Math.abs(X(a[0]) - at) ? b : a)
    const near = shown.map(l => [l, l.points.reduce(closer)]),
      x = X(near.map(o => o[1]).reduce(closer)[0])
    mark.setAttribute('x1', x)
    mark.setAttribute('x2', x)
    mark.setAttribute('visibility', 'visible')
    tip.replaceChildren(
      ...near.map(([l, p]) =>
        make(
          'div',
          {},
          dot(l.tag),
          `${l.label}: ${nice(p[1])} at ${wanted.axis === 'step' ? count(p[0]) : place(p[0])}`
        )
      )
    )
    tip.hidden = false
    tip.style.top = '44px'
    tip.style.left = x > W / 2 ? 'auto' : (x / W) * box.width + 24 + 'px'
    tip.style.right = x > W / 2 ? (1 - x / W) * box.width + 24 + 'px' : 'auto'
  })
  svg.addEventListener('pointerleave', () => {
    tip.hidden = true
    mark.setAttribute('visibility', 'hidden')
  })
  card.append(svg, tip)
}
const at = new Map() // run -> which of its samples is shown; the last if nobody moved it
function samples() {
  // what a run said as it learned: one slider for each that is shown
  const some = [
    ...new Set(
      lines()
        .filter(l => l.on)
        .map(l => l.tag)
    )
  ].filter(tag => said[tag]?.length)
  update(
    $('samples'),
    some.map(tag => {
      const all = said[tag],
        i = Math.min(at.get(tag) ?? Infinity, all.length - 1)
      const slider = make('input', {
        type: 'range',
        min: 0,
        max: all.length - 1,
        'data-run': tag,
        'aria-label': 'Samples of ' + tag,
        'aria-valuetext': 'step ' + count(all[i].step)
      })
      slider.value = i
      return make(
        'section',
        {class: 'card'},
        make('h3', {}, dot(tag), `What ${tag} said at step ${count(all[i].step)}`),
        ...(all.length > 1 ? [slider] : []),
        ...all[i].samples.map(s => make('p', {dir: 'auto'}, s))
      )
    })
  )
  for (const o of $('samples').querySelectorAll('input')) o.value = Math.min(at.get(o.dataset.run) ?? Infinity, o.max)
}
$('samples').addEventListener('input', e => {
  at.set(e.target.dataset.run, Number(e.target.value))
  samples()
})
let wide = !narrow()
addEventListener('resize', () => {
  if (wide === narrow()) {
    wide = !narrow()
    fold(!wide || store.get('folded', false))
  }
  ready()
  if (!$('training').hidden) plot()
})

// Begin
const old = store.get('turns') // of earlier versions, which kept one conversation
if (list(old).length) {
  here = chatOf({root: list(old).reduceRight((next, t) => ({next: [{...t, next: next ? next.next : []}]}), null) ?? {}})
  keep()
  localStorage.removeItem('mlxchat.turns')
}
const mine = read(KEY + (old ? here.id : session.get('here')))
if (mine) here = chatOf(JSON.parse(mine.raw))
session.set('here', here.id)
$('text').value = session.get('draft') ?? ''
fold(narrow() || store.get('folded', false))
drawAll()
listChats()
showSettings()
ready()
toEnd()
$('text').focus()
loadModels().then(() => {
  if (empty && training.length) show('training')
})
