"""A page to play with: type a review, and see predictions and explanations. For this machine alone."""

from functools import lru_cache

from flask import Flask, Response, request
from waitress import create_server
from werkzeug.exceptions import RequestEntityTooLarge

from sentiment_rnn.cli.explain import page
from sentiment_rnn.errors import PipelineError
from sentiment_rnn.models.registry import find, load, trained_models

HOST = "127.0.0.1"
LONGEST_TEXT = 20_000  # characters
LARGEST_REQUEST = 16 * LONGEST_TEXT  # bytes: UTF-8, and its escapes
N_MODELS = 2  # that are compared
CACHED_MODELS = 4
TOO_LONG = f"The text is longer than {LONGEST_TEXT:,} characters."


def create_app() -> Flask:
    """The page, with the models that are trained now to choose from; no other name is looked up.

    Raises:
        ModelNotFoundError: there is no model.
    """
    default = [find(None).name, *[""] * (N_MODELS - 1)]
    folders = {model.name: model.folder for model in trained_models()[0]}
    load_once = lru_cache(maxsize=CACHED_MODELS)(lambda name: load(folders[name]))
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = app.config["MAX_FORM_MEMORY_SIZE"] = LARGEST_REQUEST
    app.config["TRUSTED_HOSTS"] = [HOST, "localhost"]  # another name that leads here is another site's

    def show(text: str, chosen: list[str], error: str = "") -> str:
        shown = [] if error or not text else list(dict.fromkeys(filter(None, chosen)))
        form = {"models": list(folders), "chosen": chosen, "text": text, "error": error, "limit": LONGEST_TEXT}
        return page({name: load_once(name).explain(text) for name in shown}, form)

    @app.get("/")
    def empty() -> str:
        return show("", default)

    @app.post("/")
    def predict() -> tuple[str, int]:
        text = request.form.get("text", "").replace("\r\n", "\n")  # the page counts a line's end as one
        chosen = (request.form.getlist("model") + [""] * N_MODELS)[:N_MODELS]
        if not text.strip():
            return show("", chosen, "There is no text to judge."), 400
        if len(text) > LONGEST_TEXT:
            return show("", chosen, TOO_LONG), 413
        if unknown := [name for name in chosen if name and name not in folders]:
            return show(text, default, f"There is no model {unknown[0]}."), 400
        return show(text, chosen if any(chosen) else default), 200

    @app.errorhandler(RequestEntityTooLarge)
    def too_large(_: RequestEntityTooLarge) -> tuple[str, int]:
        return show("", default, TOO_LONG), 413

    @app.errorhandler(PipelineError)
    def damaged_model(error: PipelineError) -> tuple[str, int]:
        return show("", default, str(error)), 500

    app.after_request(add_headers)
    return app


def add_headers(response: Response) -> Response:
    """Allow the page no scripts and no other sites."""
    policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
    response.headers["Content-Security-Policy"] = policy
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def serve(port: int) -> None:
    """Serve the page to this machine, until Ctrl-C; port 0 is a free one.

    Raises:
        PipelineError: there is no model, or the port cannot be had.
    """
    app = create_app()
    try:
        server = create_server(app, host=HOST, port=port, threads=2, max_request_body_size=LARGEST_REQUEST)
    except OSError as error:
        raise PipelineError(f"port {port}: {error.strerror}; choose another with --port") from error
    print(f"http://{HOST}:{server.effective_port}  (Ctrl-C ends it)", flush=True)
    server.run()
