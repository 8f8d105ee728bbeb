"""Check that mlxchat works in another Python: `.ci/pythons.py` names those to check, `.ci/pythons.py 3.10` checks one

A whole `make test` for each would take an hour, so this takes what differs between Pythons: packages that install,
warnings of the compiler and of modules that will go, the wording of mistakes, the chain from text to a served model,
and pages that look into Python."""
import json, os, re, subprocess, sys, tempfile, time
import urllib.request
from configparser import ConfigParser
from pathlib import Path

cfg = ConfigParser(delimiters=['='], interpolation=None)
cfg.read('settings.ini', encoding='utf-8')
cfg = cfg['DEFAULT']
tools = 'nbdev', 'fastcore', 'execnb', 'ghapi', 'fastgit' # of those for development, what running a page takes
pages = ['nbs/guides/options.ipynb', 'nbs/guides/parser.ipynb', 'nbs/guides/help.ipynb', 'nbs/guides/program.ipynb',
         'nbs/04b_tools.ipynb', 'nbs/03_train.ipynb']
modules = ['__main__', 'mlxchat', *('.'.join(p.with_suffix('').parts) for p in sorted(Path('mlxchat').rglob('*.py')))]
warnings = ','.join(f'error::{o}:{m}' for o in ('DeprecationWarning', 'PendingDeprecationWarning') for m in modules)

def output(*command):
    "What a command prints, '' if it fails"
    try: p = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    except OSError: return ''
    return '' if p.returncode else p.stdout.strip()

def find(version):
    "The executable of a Python, on PATH or among those of pyenv; '' if there is none that can make environments"
    installed = [o for o in output('pyenv', 'versions', '--bare').split() if re.fullmatch(rf'{version}\.\d+', o)]
    at = [f'python{version}', *(f'{output("pyenv", "prefix", o)}/bin/python' for o in installed)]
    found = (output(o, '-c', 'import ensurepip, sys; print(sys.executable)') for o in at)
    return next(filter(None, found), '')

def choose():
    "Print the newest and the oldest besides this one, and say what was skipped"
    this = '%d.%d' % sys.version_info[:2]
    others = [o for o in cfg['pythons'].split() if o != this]
    here = [o for o in others if find(o)]
    for o in others:
        if o not in here: print(f'skip Python {o}: it is not here', file=sys.stderr)
    for o in here[1:-1]: print(f'skip Python {o}: {here[0]} and {here[-1]} are checked', file=sys.stderr)
    if not here: sys.exit(f'there is no Python but {this}: install one of {", ".join(others)}')
    print(*dict.fromkeys([here[0], here[-1]]))

everything = '''
import importlib, json, pkgutil, warnings
from pathlib import Path
warnings.simplefilter('error', SyntaxWarning)
for p in Path('nbs').rglob('*.ipynb'):
    for c in json.loads(p.read_text('utf-8'))['cells']:
        source = ''.join(c['source'])
        if c['cell_type'] == 'code' and source[:1] not in '%!': compile(source, f'{p}#{c["id"]}', 'exec')
import mlxchat
for m in pkgutil.walk_packages(mlxchat.__path__, 'mlxchat.'): importlib.import_module(m.name)
'''

says = '''
import io, json, os
from contextlib import redirect_stderr, redirect_stdout
from mlxchat.guides.help import VERBS
from mlxchat.guides.program import main
mistakes = """train --depth; train --depth four; train --depth=; train --depth -3; train --low-memory=3; train --depht 3
train 5; train --no-low-memory=1; train --strict; train --model-tag a/b; sft --data; sft --no-stric; chat -t
chat -t hot; chat -k5x; chat -p; chat -zp; chat --prompt; chat -p--; train --model-tag=--; serve --port 1e9
export --to nowhere; quantize --bits 3; completion tcsh; completion bash zsh; trian; bench it"""
for line in [o + ' --help-all' for o in VERBS] + ['--help'] + mistakes.replace('\\n', ';').split(';'):
    for os.environ['COLUMNS'] in '80', '40':
        with redirect_stdout(io.StringIO()) as out, redirect_stderr(out): status = main(line.split())
        print(json.dumps([line.strip(), status, out.getvalue()]))
'''

conversation = dict(messages=[dict(role='user', content='hello'), dict(role='assistant', content='hello to you')])
chain = [o.split() for o in """data --max-bytes 1_000_000
tokenizer --vocab-size 400 --max-chars 200000
train --depth 2 --n-embd 64 --head-dim 32 --max-seq-len 64 --num-iterations 20 --total-batch-size 256 --eval-tokens 1000
sft --data some.jsonl --num-iterations 4
eval --tasks spellingbee --max-examples 4
chat --prompt hello --max-tokens 8
generate --prompt hello --max-tokens 8
export --to mlx-lm --output there
monitor""".splitlines()]

class Other:
    "Another Python, with mlxchat in an environment of its own"
    def __init__(self, python, tmp):
        self.bin, self.source, self.home = tmp/'env/bin', tmp/'source', tmp/'home'
        keep = {k: v for k, v in os.environ.items() if k not in ('PYTHONPATH', 'VIRTUAL_ENV')}
        self.env = keep | dict(PYTHONWARNINGS=warnings, MLXCHAT_BASE_DIR=str(self.home), MLXCHAT_TEST='1', COLUMNS='80')
        for o in self.source, self.home: o.mkdir()
        subprocess.run(f'git archive HEAD | tar -x -C {self.source}', shell=True, check=True)
        subprocess.run([python, '-m', 'venv', tmp/'env'], check=True)

    def run(self, name, *args):
        "What a command prints; the end, with its errors, when it fails"
        p = subprocess.run([self.bin/name, *args], cwd=self.source, env=self.env, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if p.returncode: sys.exit(f'{p.stdout}{name} {" ".join(map(str, args))}: status {p.returncode}')
        return p.stdout

    def install(self):
        "What users have, and what pages need"
        more = [o for o in cfg['dev_requirements'].split('\n') if re.split('[<>= ]', o)[0] in tools]
        self.run('python', '-m', 'pip', 'install', '-q', '--disable-pip-version-check', '.[cpu]', *more)

    def sources(self):
        "Every cell compiles, and every module is imported, without a warning"
        self.run('python', '-c', everything)

    def words(self):
        "Help and mistakes read as they do in the Python that runs this"
        texts = [self.run('python', '-c', says)]
        self.bin, theirs = Path(sys.executable).parent, self.bin
        texts.append(self.run('python', '-c', says))
        self.bin = theirs
        a, b = (set(o.splitlines()) for o in texts)
        if a != b: sys.exit('\n'.join(['it says', *sorted(a - b), 'where this Python says', *sorted(b - a)]))

    def dry_run(self):
        "Every part works"
        self.run('mlxchat', 'dry-run')

    def chain(self):
        "From text to a model that others can use"
        (self.source/'some.jsonl').write_text((json.dumps(conversation) + '\n')*40)
        for args in chain: self.run('mlxchat', *args)
        if not [*(self.source/'there').glob('*.safetensors')]: sys.exit('export wrote no weights')

    def serve(self):
        "The server answers, and ends when it is asked to"
        p = subprocess.Popen([self.bin/'mlxchat', 'serve', '--port', '0'], cwd=self.source, env=self.env, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            url = re.search(r'http://\S+', greeting := p.stdout.readline())
            if not url: sys.exit(greeting + p.stdout.read())
            ask = json.dumps(dict(messages=conversation['messages'][:1], max_tokens=8)).encode()
            request = urllib.request.Request(f'{url[0]}/v1/chat/completions', ask, {'Content-Type': 'application/json'})
            with urllib.request.urlopen(request, timeout=60) as r: answer = json.load(r)['choices'][0]
            p.terminate()
            rest = p.communicate(timeout=60)[0]
            if p.returncode: sys.exit(f'{rest}mlxchat serve: status {p.returncode}')
            if answer['finish_reason'] not in ('stop', 'length'): sys.exit(f'the server answers {answer}')
        finally: p.kill()

    def pages(self):
        "Pages that look into Python: its arguments, its syntax trees, its memory"
        for o in pages: self.run('nbdev_test', '--path', o)

def check(version):
    "Every stage in one Python"
    python = find(version)
    if not python: sys.exit(f'there is no Python {version} here')
    with tempfile.TemporaryDirectory() as tmp:
        other = Other(python, Path(tmp).resolve())
        for stage in other.install, other.sources, other.words, other.dry_run, other.chain, other.serve, other.pages:
            start = time.monotonic()
            stage()
            print(f'{time.monotonic()-start:4.0f} s  {stage.__doc__}', flush=True)

check(sys.argv[1]) if len(sys.argv) > 1 else choose()
