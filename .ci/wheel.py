"Check that a wheel of the sdist holds the whole package, and works in an environment and a folder of its own"
import os, subprocess, sys, sysconfig, tempfile, venv, zipfile
from pathlib import Path

def run(*command, cwd=None):
    "What a command prints; its errors when it fails"
    env = {k: v for k, v in os.environ.items() if k != 'PYTHONPATH'} # which would win against the wheel
    p = subprocess.run([*map(str, command)], cwd=cwd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if p.returncode: sys.exit(f'{p.stdout}{" ".join(map(str, command))}: status {p.returncode}')
    return p.stdout

everything = '''
import importlib, pkgutil, mlxchat, mlxchat.fast.device
for m in pkgutil.walk_packages(mlxchat.__path__, 'mlxchat.'):
    if m.name != 'mlxchat.__main__': importlib.import_module(m.name)
assert '<html' in (page := mlxchat.serving.server.page_text()) and '@S' not in page # with its style and scripts
print(mlxchat.__file__)
'''

data = '''
from mlxchat.sources.published import PUBLISHED, sample_rows
from mlxchat.sources.tokenizer_tables import sample_texts
assert all(sample_rows(name, split) for name, published in PUBLISHED.items() for split in published.splits)
assert len(sample_texts()) == 9
'''

with tempfile.TemporaryDirectory() as tmp:
    tmp = Path(tmp).resolve()
    source, env, empty = tmp/'source', tmp/'env', tmp/'empty'
    source.mkdir()
    empty.mkdir()
    run('git', 'archive', '-o', tmp/'source.tar', 'HEAD') # what is committed, so that nothing built before gets in
    run('tar', '-xf', tmp/'source.tar', '-C', source)
    venv.create(env, with_pip=True)
    python = env/'bin/python'
    pip = python, '-m', 'pip', 'install', '-q', '--disable-pip-version-check'
    run(*pip, 'build', 'setuptools', 'wheel')
    run(python, '-m', 'build', '--no-isolation', source, '--outdir', tmp) # the sdist, and the wheel from it
    wheel = next(tmp.glob('*.whl'))
    missing = {*run('git', 'ls-files', 'mlxchat').split()} - {*zipfile.ZipFile(wheel).namelist()}
    if missing: sys.exit(f'{wheel.name} lacks {", ".join(sorted(missing))}')
    run(*pip, '--no-deps', wheel)
    packages = Path(run(python, '-c', 'import sysconfig; print(sysconfig.get_path("purelib"))').strip())
    # what it depends on is taken from here; a .pth file in there, such as that of an editable mlxchat, does not count
    (packages/'here.pth').write_text(sysconfig.get_path('purelib') + '\n')
    version, help = (run(env/'bin/mlxchat', o, cwd=empty) for o in ('--version', '--help'))
    if 'train' not in help.split(): sys.exit(f'mlxchat --help says {help}')
    where = run(python, '-c', everything, cwd=empty).split()[-1]
    if not Path(where).resolve().is_relative_to(packages.resolve()): sys.exit(f'imported {where} instead of the wheel')
    run(python, '-c', data, cwd=empty) # what lies beside the modules
    if found := sorted(empty.iterdir()): sys.exit(f'litter: {found}')
    print(f'{wheel.name}, {wheel.stat().st_size//1024} kB: {version.strip()}')
