from fastapi import FastAPI

app = FastAPI(title="Notes")


@app.get("/")
def home() -> dict[str, str]:
    return {"said": "hello"}
