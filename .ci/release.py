"""The files of a release from a run of the demo: `python .ci/release.py RUN FOLDER`

Checks that the run reaches what the demo has to reach (nbs/results/demo_bars.json), and writes demo.html (the page that
`mlxchat chat --run` takes and that the site's front page holds), demo.html.sha256 and report.json into a new folder.
"""
import hashlib, json, os, shutil, subprocess, sys, tempfile
from pathlib import Path

LARGEST = 5e6 # bytes of the page
PAGE = dict(title='mlxchat', greeting='Hello! What can I do for you?')
BARS = Path(__file__).parent.parent/'nbs'/'results'/'demo_bars.json'

def row(name, reached, bar, ok): return f'{"ok" if ok else "MISSED":8}{name:28}{reached:>9}  {bar}'

def scored(name, mark, least):
    "A score of questions: it misses a bar above its whole 95 % interval, so that chance alone fails no release"
    score, low, high = (100*mark[k] for k in ('score', 'low', 'high'))
    bar = f'at least {100*least:.0f} % ({low:.1f} to {high:.1f})'
    return row(name, f'{score:.1f} %', bar, mark['high'] >= least)

def checked(report, bars):
    "A line for each bar"
    for name, most in bars['text'].items():
        tuned, primed = (report['text'][name][k] for k in ('tuned', 'xz_primed'))
        yield row(f'{name}, bits per byte', f'{tuned:.3f}', f'at most {most}', tuned <= most)
        yield row('… than primed xz', f'{tuned:.3f}', f'less than {primed:.3f}', tuned < primed)
    for name, bits in report['text'].items():
        worse, most = bits['tuned'] - bits['base'], bars['forgets']
        yield row(f'{name}, after lessons', f'{worse:+.3f}', f'at most {most:+} bits per byte', worse <= most)
    for name, least in bars['accuracy'].items(): yield scored(name, report['intervals'][name], least)
    yield scored('true reply preferred', report['listens'], bars['listens'])
    refused, most = report['refused_skills'], bars['refused_skills']
    yield row('"I don\'t know" where it can', f'{100*refused["score"]:.1f} %', f'at most {100*most:.0f} %',
              refused['low'] <= most)

def mlxchat(*args, **env):
    "What the program prints"
    command = sys.executable, '-m', 'mlxchat', *map(str, args)
    p = subprocess.run(command, stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL, env={**os.environ, **env})
    return p.stdout.strip() if p.returncode == 0 else sys.exit(f'`mlxchat {args[0]}` ended with status {p.returncode}')

def answers(page):
    "Talk with the page as a newcomer would, in an empty home; what it says"
    with tempfile.TemporaryDirectory() as home:
        ask = 'chat', '--run', page, '--temperature', 0, '--prompt'
        said = {q: mlxchat(*ask, q, MLXCHAT_BASE_DIR=home) for q in ('Who are you?', 'What is 123 * 45?')}
    for (question, answer), expected in zip(said.items(), ('mlxchat', '5535')):
        print(f'> {question}\n{answer}')
        if expected not in answer: sys.exit(f'the page answers without {expected}')

def release(run, folder):
    "Write the files, unless a bar is missed"
    bars, report = (json.loads(p.read_text('utf-8')) for p in (BARS, run/'report.json'))
    try: lines = [*checked(report, bars)]
    except KeyError as e: sys.exit(f'the report has no {e.args[0]}: was everything fetched that the demo reads?')
    print(*lines, sep='\n')
    missed = sum(o.startswith('MISSED') for o in lines)
    if missed: sys.exit(f'{missed} of {len(lines)} bars are missed: no release')
    folder.mkdir(parents=True)
    page, words = folder/'demo.html', [o for k, v in PAGE.items() for o in (f'--{k}', v)]
    print(mlxchat('export', '--to', 'html', '--run', run, '--output', page, *words))
    if (size := page.stat().st_size) > LARGEST: sys.exit(f'{page} has {size:,} bytes, more than {LARGEST:,.0f}')
    answers(page)
    (folder/'demo.html.sha256').write_text(f'{hashlib.sha256(page.read_bytes()).hexdigest()}  {page.name}\n', 'ascii')
    shutil.copy(run/'report.json', folder)
    written = ', '.join(f'{p.name} ({p.stat().st_size:,} bytes)' for p in sorted(folder.iterdir()))
    print(f'{len(lines)} bars reached; in {folder}: {written}')

if __name__ == '__main__':
    if len(sys.argv) != 3: sys.exit(__doc__)
    run, folder = map(Path, sys.argv[1:])
    if not (run/'report.json').is_file(): sys.exit(f'{run} has no report.json: `make demo` writes one')
    if folder.exists(): sys.exit(f'{folder} is there already: remove it, or name another')
    release(run, folder)
