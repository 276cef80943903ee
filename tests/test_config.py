"""A run file comes back as it was written; what is not allowed is refused with the cure."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pixelwise.config import RunConfig, dump, load, parse_duration, with_overrides
from pixelwise.errors import ConfigError
from pixelwise.models.catalog import ARCHITECTURES

positive = st.floats(1e-8, 1e6)
changes = st.fixed_dictionaries(
    {},
    optional={
        "data.path": st.text(max_size=200),
        "data.window": st.none() | st.tuples(st.floats(0, 100), st.floats(101, 65535)).map(list),
        "model.options": st.dictionaries(st.text(max_size=8), st.integers() | st.booleans() | st.text(max_size=8), max_size=3),
        "augment.crop": st.none() | st.lists(st.integers(16, 2048), min_size=2, max_size=2),
        "augment.scale": st.tuples(st.floats(0.05, 1), st.floats(1, 20)).map(list),
        "optim.lr": positive,
        "optim.milestones": st.lists(st.floats(0, 1), max_size=4),
        "optim.clip_norm": st.none() | positive,
        "train.budget": st.none() | st.integers(1, 9999).map("{}m".format),
        "train.steps": st.none() | st.integers(1, 10**9),
        "train.channels_last": st.booleans(),
    },
)


@settings(max_examples=15, deadline=None)
@given(changes)
def test_a_dumped_run_comes_back_and_is_dumped_alike(tmp_path_factory, changed):
    config = with_overrides(RunConfig(), changed)
    path = tmp_path_factory.mktemp("run") / "config.yaml"
    path.write_text(dump(config), encoding="utf-8")
    again = load(path)
    assert again == config
    assert dump(again) == path.read_text(encoding="utf-8")


def test_every_key_is_written_out():
    written = yaml.safe_load(dump(RunConfig()))
    assert {name: list(part) for name, part in written.items()} == {
        name: list(part.annotation.model_fields) for name, part in RunConfig.model_fields.items()
    }


def test_a_file_needs_only_what_it_changes(tmp_path):
    path = tmp_path / "run.yaml"
    path.write_text("optim: {lr: 3e-4}\n")
    assert load(path) == with_overrides(RunConfig(), {"optim.lr": 3e-4})


@pytest.mark.parametrize(
    "text, message",
    [
        ("optim: {lrr: 1}", "unknown key 'optim.lrr'; did you mean 'optim.lr'"),
        ("train: {lr: 1}", "unknown key 'train.lr'; did you mean 'optim.lr'?"),
        ("optimm: {lr: 1}", "run.yaml: unknown section 'optimm'; did you mean 'optim'?"),
        ("1: {lr: 1}", "unknown section 1; allowed: 'data', 'model'"),
        ("optim:", "run.yaml: optim: "),
        ("- 1", "must hold 'data:', 'model:', 'train:' and so on, got list"),
        ("", "got NoneType"),
        ("a: [", "run.yaml is not valid YAML: "),
        ("optim: {lr: 0}", "run.yaml: optim.lr: Input should be greater than 0, got 0"),
        ("optim: {lr: fast}", "optim.lr: .*valid number.*, got 'fast'"),
        ("optim: {name: adam}", "optim.name: Input should be 'adamw' or 'sgd', got 'adam'"),
        (
            "augment: {scale: [2, 1]}",
            r"augment.scale: scale must be \(low, high\) with 0.05 <= low <= high <= 20, got \(2.0, 1.0\)",
        ),
        ("augment: {crop: [8, 64]}", r"augment.crop: crop must be \(height, width\) of at least 16 each, got \(8, 64\)"),
        ("augment: {crop: 64}", "augment.crop: .*, got 64"),
        ("data: {window: [9, 9]}", r"data.window: window must be \(low, high\) with low < high, got \(9.0, 9.0\)"),
        (
            "loss: {cross_entropy: 0, dice: 0}",
            "loss: cross_entropy and dice are both 0, so nothing would be learned; give one a weight",
        ),
        ("train: {budget: soon}", "budget must be a time such as 90s, 30m, 2h or 1h30m, got 'soon'"),
        ("train: {budget: 30}", "budget must be a time such as 90s, .* got '30'"),
        ("train: {steps: 0}", "train.steps: Input should be greater than or equal to 1, got 0"),
        ("train: {device: 3}", "train.device: .*string, got 3"),
    ],
)
def test_what_is_not_allowed_is_refused_with_the_cure(tmp_path, text, message):
    path = tmp_path / "run.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load(path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot read the run file .*none\.yaml: No such file or directory; check the path"):
        load(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    "text, key, value",
    [
        ("optim.lr=3e-4", "lr", 3e-4),
        ("optim.lr = 1E-3", "lr", 1e-3),
        ("optim.schedule=cosine", "schedule", "cosine"),
        ("optim.clip_norm=null", "clip_norm", None),
        ("optim.milestones=[0.5]", "milestones", (0.5,)),
    ],
)
def test_overrides_are_read_as_people_write_them(text, key, value):
    assert getattr(with_overrides(RunConfig(), [text]).optim, key) == value


def test_options_of_the_model_may_have_any_name_and_the_original_stays():
    config = RunConfig()
    assert with_overrides(config, ["model.options.widths=[8, 4]"]).model.options == {"widths": [8, 4]}
    assert config == RunConfig()


@pytest.mark.parametrize(
    "text, message",
    [
        ("optim.lr", "--set takes key=value, got 'optim.lr'; for example --set optim.lr=3e-4"),
        ("optim.lr=[", r"--set optim.lr: cannot read the value '\[' as YAML"),
        ("lr=1", "unknown key 'lr'; did you mean 'optim.lr'?"),
        ("optim=1", "unknown key 'optim'"),
        ("model.options.a.b=1", "unknown key 'model.options.a.b'"),
        ("model.options.=1", "unknown key 'model.options.'"),
        ("optim.lr=-1", "--set: optim.lr: Input should be greater than 0, got -1"),
    ],
)
def test_overrides_that_are_not_allowed_are_refused(text, message):
    with pytest.raises(ConfigError, match=message):
        with_overrides(RunConfig(), [text])


@pytest.mark.parametrize(
    "text, seconds",
    [("90s", 90), ("30m", 1800), ("2h", 7200), ("1h30m", 5400), (" 1.5H ", 5400), ("1h1m1s", 3661), ("0.5s", 0.5)],
)
def test_durations(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "m", "0s", "-5m", "5m2h", "5 minutes", "1e3s", "nan", "infs"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ConfigError, match="budget must be a time such as 90s, 30m, 2h or 1h30m, got"):
        parse_duration(text)


def test_a_config_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        RunConfig().optim.lr = 2.0


@pytest.mark.parametrize("path", sorted((Path(__file__).parent.parent / "configs").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_published_run_file_loads_and_says_its_command_and_result(path):
    config = load(path)
    head = [line for line in path.read_text().splitlines() if line.startswith("#")]
    assert config.model.name in ARCHITECTURES
    assert config.train.budget is not None
    assert any("pixelwise train" in line for line in head)
    assert any("mean IoU 0." in line for line in head)
