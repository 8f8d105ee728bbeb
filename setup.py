"Everything is in `settings.ini`; this file only hands it to setuptools."
import subprocess, sys
from configparser import ConfigParser
from setuptools import setup, find_packages

cfg = ConfigParser(delimiters=['='], interpolation=None)
cfg.read('settings.ini', encoding='utf-8')
cfg = cfg['DEFAULT']
lines = lambda key: [o.strip() for o in cfg.get(key, '').splitlines() if o.strip()]
extras = {key.removesuffix('_requirements'): lines(key) for key in cfg if key.endswith('_requirements')}

def has_nvidia():
    "Is there a card, with its driver?"
    try: return subprocess.run(['nvidia-smi', '-L'], capture_output=True).returncode == 0
    except OSError: return False

# On Linux, what computes for MLX is one package for CPUs and another for NVIDIA cards; both put a library into the same place,
# and no marker of pip's knows the card. Whoever wants the tools for development installs from this folder, so we can look.
if sys.platform == 'linux': extras['dev'] += extras['cuda' if has_nvidia() else 'cpu']

# `pip install -e`: a plain path, since a finder would lose against this folder where Python is started in the folder above
setup(
    options=dict(editable_wheel=dict(mode='compat')),
    name=cfg['lib_name'], version=cfg['version'], description=cfg['description'], keywords=cfg['keywords'],
    author=cfg['author'], author_email=cfg['author_email'], url=cfg['git_url'], license='MIT',
    long_description=open('README.md', encoding='utf-8').read(), long_description_content_type='text/markdown',
    packages=find_packages(include=['mlxchat', 'mlxchat.*']),
    package_data={'mlxchat': ['*.html', 'data_files/*', 'onefile/*', 'webchat/*']},
    classifiers=[f'Programming Language :: Python :: {o}' for o in cfg['pythons'].split()],
    python_requires='>=' + cfg['min_python'], install_requires=lines('requirements'), extras_require=extras,
    entry_points={'console_scripts': lines('console_scripts'), 'nbdev': ['mlxchat=mlxchat._modidx:d']}, zip_safe=False,
)
