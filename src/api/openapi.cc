#include "api/api.h"

namespace mohona {

const std::string& openapi() {
  static const std::string text = R"json({
"openapi": "3.1.0",
"info": {
  "title": "Mohona",
  "version": "1",
  "summary": "Jobs over the compute of many clouds, as one fleet",
  "description": "Served on a unix socket, whose file mode is the only key to it, and on loopback TCP with a bearer token. Every change is durable before it is answered."
},
"security": [{"token": []}],
"paths": {
  "/v1/jobs": {
    "get": {
      "summary": "Jobs, the newest first, a page at a time",
      "parameters": [
        {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}},
        {"name": "after", "in": "query", "description": "the `next` of the page before", "schema": {"type": "integer"}},
        {"name": "state", "in": "query", "schema": {"$ref": "#/components/schemas/State"}},
        {"name": "name", "in": "query", "schema": {"type": "string"}},
        {"name": "queue", "in": "query", "schema": {"type": "string"}},
        {"name": "ids", "in": "query", "description": "these jobs alone, at most 1000, comma-separated", "schema": {"type": "string"}}
      ],
      "responses": {"200": {"description": "a page", "content": {"application/json": {"schema": {"type": "object", "properties": {"jobs": {"type": "array", "items": {"$ref": "#/components/schemas/Job"}}, "next": {"type": ["integer", "null"]}}}}}}}
    },
    "post": {
      "summary": "Submit a job file: all of its jobs are accepted or none",
      "parameters": [{"name": "Idempotency-Key", "in": "header", "description": "the same key and jobs give the same ids (200 instead of 201); other jobs are refused with 409", "schema": {"type": "string"}}],
      "requestBody": {"required": true, "content": {"application/json": {"schema": {"type": "object", "required": ["text"], "properties": {
        "text": {"type": "string", "description": "YAML, or a batch script with #SBATCH lines"},
        "file": {"type": "string", "description": "its name, for messages"},
        "directory": {"type": "string", "description": "absolute; relative paths in the file start here"},
        "envs": {"type": "object", "additionalProperties": {"type": "string"}},
        "secrets": {"type": "object", "additionalProperties": {"type": "string"}}}}}}},
      "responses": {"201": {"$ref": "#/components/responses/Submitted"}, "200": {"$ref": "#/components/responses/Submitted"}, "400": {"$ref": "#/components/responses/Error"}, "409": {"$ref": "#/components/responses/Error"}, "503": {"$ref": "#/components/responses/Error"}}
    }
  },
  "/v1/jobs:batch": {
    "post": {
      "summary": "Submit many jobs at once, as JSON objects with the keys of job files: all or none",
      "parameters": [{"name": "Idempotency-Key", "in": "header", "schema": {"type": "string"}}],
      "requestBody": {"required": true, "content": {"application/json": {"schema": {"type": "object", "required": ["jobs"], "properties": {"jobs": {"type": "array", "minItems": 1, "maxItems": 50000, "items": {"type": "object"}}, "directory": {"type": "string"}}}}}},
      "responses": {"201": {"$ref": "#/components/responses/Submitted"}, "200": {"$ref": "#/components/responses/Submitted"}, "400": {"$ref": "#/components/responses/Error"}, "409": {"$ref": "#/components/responses/Error"}, "503": {"$ref": "#/components/responses/Error"}}
    }
  },
  "/v1/jobs:cancel": {
    "post": {"summary": "Cancel every job that has not ended, in one decision: none of them starts because another ends", "responses": {"200": {"description": "how many jobs this has cancelled; jobs whose attempts only another controller reaches, by number", "content": {"application/json": {"schema": {"type": "object", "required": ["cancelled", "out_of_reach"], "properties": {"cancelled": {"type": "integer"}, "out_of_reach": {"type": "object", "additionalProperties": {"type": "object", "required": ["name", "pool", "controller"], "properties": {"name": {"type": "string"}, "pool": {"type": "string"}, "controller": {"type": "string"}}}}}}}}}, "503": {"$ref": "#/components/responses/Error"}}}
  },
  "/v1/jobs/{job}": {
    "parameters": [{"$ref": "#/components/parameters/job"}],
    "get": {"summary": "One job with its tasks and attempts", "responses": {"200": {"description": "the job; of many tasks the first 1,000 and, in tasks_by_state, how many there are in each state; of many attempts the newest, and of those that have ended at most 512", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Job"}}}}, "404": {"$ref": "#/components/responses/Error"}}}
  },
  "/v1/jobs/{job}/explain": {
    "parameters": [{"$ref": "#/components/parameters/job"}],
    "get": {"summary": "Why the job is where it is, pool by pool", "responses": {"200": {"description": "the explanation; waits_for_room: nothing but room is lacking; fits_nowhere: and no pool could hold it, even empty"}, "404": {"$ref": "#/components/responses/Error"}}}
  },
  "/v1/jobs/{job}/price": {
    "parameters": [{"$ref": "#/components/parameters/job"}],
    "get": {"summary": "What an hour of the job costs where, part by part, and what the ledger charges for its attempts", "responses": {"200": {"description": "the sums"}, "400": {"$ref": "#/components/responses/Error"}, "404": {"$ref": "#/components/responses/Error"}}}
  },
  "/v1/jobs/{job}/logs": {
    "parameters": [{"$ref": "#/components/parameters/job"}],
    "get": {
      "summary": "A part of what a rank has written",
      "parameters": [
        {"name": "task", "in": "query", "schema": {"type": "integer", "default": 0}},
        {"name": "rank", "in": "query", "schema": {"type": "integer", "default": 0}},
        {"name": "attempt", "in": "query", "description": "the newest when absent; one that never was is not found", "schema": {"type": "integer", "minimum": 1}},
        {"name": "offset", "in": "query", "description": "the `next` of the part before", "schema": {"type": "integer", "default": 0}}
      ],
      "responses": {"200": {"description": "the part, and where the next begins"}, "404": {"$ref": "#/components/responses/Error"}}
    }
  },
  "/v1/jobs/{job}/cancel": {
    "parameters": [{"$ref": "#/components/parameters/job"}],
    "post": {"summary": "End the job: hook, signal, grace, KILL", "responses": {"200": {"$ref": "#/components/responses/Changed"}, "404": {"$ref": "#/components/responses/Error"}}}
  },
  "/v1/pools": {"get": {"summary": "The fleet, and what of it is held", "responses": {"200": {"description": "the pools"}}}},
  "/v1/pools/{pool}/reclaim": {
    "parameters": [{"$ref": "#/components/parameters/pool"}],
    "post": {"summary": "Take a spot pool away as a cloud would: notice, then loss", "requestBody": {"content": {"application/json": {"schema": {"type": "object", "properties": {"notice": {"type": "string", "examples": ["10s"]}}}}}}, "responses": {"200": {"$ref": "#/components/responses/Changed"}, "400": {"$ref": "#/components/responses/Error"}, "404": {"$ref": "#/components/responses/Error"}}}
  },
  "/v1/pools/{pool}/restore": {
    "parameters": [{"$ref": "#/components/parameters/pool"}],
    "post": {"summary": "Give it back", "responses": {"200": {"$ref": "#/components/responses/Changed"}, "404": {"$ref": "#/components/responses/Error"}}}
  },
  "/v1/pools/{pool}/lost": {
    "parameters": [{"$ref": "#/components/parameters/pool"}],
    "post": {"summary": "Say that the machine of a pool whose controller does not lead is lost: what ran there starts again elsewhere", "responses": {"200": {"description": "how many attempts count as lost"}, "404": {"$ref": "#/components/responses/Error"}, "409": {"$ref": "#/components/responses/Error"}}}
  },
  "/v1/pools/{pool}/cordon": {
    "parameters": [{"$ref": "#/components/parameters/pool"}],
    "post": {"summary": "Give nodes no new work", "requestBody": {"$ref": "#/components/requestBodies/Nodes"}, "responses": {"200": {"$ref": "#/components/responses/Changed"}, "400": {"$ref": "#/components/responses/Error"}, "404": {"$ref": "#/components/responses/Error"}}}
  },
  "/v1/pools/{pool}/uncordon": {
    "parameters": [{"$ref": "#/components/parameters/pool"}],
    "post": {"summary": "Let nodes take work again", "requestBody": {"$ref": "#/components/requestBodies/Nodes"}, "responses": {"200": {"$ref": "#/components/responses/Changed"}, "400": {"$ref": "#/components/responses/Error"}, "404": {"$ref": "#/components/responses/Error"}}}
  },
  "/v1/pools/{pool}/drain": {
    "parameters": [{"$ref": "#/components/parameters/pool"}],
    "post": {"summary": "Give nodes no new work; each goes down when it is empty", "requestBody": {"$ref": "#/components/requestBodies/Nodes"}, "responses": {"200": {"$ref": "#/components/responses/Changed"}, "400": {"$ref": "#/components/responses/Error"}, "404": {"$ref": "#/components/responses/Error"}}}
  },
  "/v1/pools/{pool}/down": {
    "parameters": [{"$ref": "#/components/parameters/pool"}],
    "post": {"summary": "Nodes are down", "requestBody": {"$ref": "#/components/requestBodies/Nodes"}, "responses": {"200": {"$ref": "#/components/responses/Changed"}, "400": {"$ref": "#/components/responses/Error"}, "404": {"$ref": "#/components/responses/Error"}}}
  },
  "/v1/pools/{pool}/up": {
    "parameters": [{"$ref": "#/components/parameters/pool"}],
    "post": {"summary": "Nodes are back", "requestBody": {"$ref": "#/components/requestBodies/Nodes"}, "responses": {"200": {"$ref": "#/components/responses/Changed"}, "400": {"$ref": "#/components/responses/Error"}, "404": {"$ref": "#/components/responses/Error"}}}
  },
  "/v1/cost": {
    "get": {"summary": "What it has cost, at the prices that held when it ran", "parameters": [{"name": "by", "in": "query", "schema": {"enum": ["job", "queue", "cloud"], "default": "job"}}, {"name": "job", "in": "query", "schema": {"type": "string"}}], "responses": {"200": {"description": "rows and their sum, in dollars with six digits"}}}
  },
  "/v1/status": {"get": {"summary": "The controller: its epoch, counts, whether it accepts work; of one that stands by, who leads", "responses": {"200": {"description": "the status"}}}},
  "/v1/audit": {"get": {"summary": "Whether the state keeps every rule: what is derived against the records", "responses": {"200": {"description": "clean, and the violations: the rule's number and name, when, and one sentence"}}}},
  "/v1/shutdown": {"post": {"summary": "Stop the controller; what runs goes on", "responses": {"200": {"description": "it stops"}}}},
  "/v1/openapi.json": {"get": {"summary": "This description", "responses": {"200": {"description": "OpenAPI 3.1"}}}}
},
"components": {
  "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
  "parameters": {
    "job": {"name": "job", "in": "path", "required": true, "description": "a number, or a name: the newest job of that name", "schema": {"type": "string"}},
    "pool": {"name": "pool", "in": "path", "required": true, "schema": {"type": "string"}}
  },
  "requestBodies": {
    "Nodes": {"required": true, "content": {"application/json": {"schema": {"type": "object", "required": ["nodes"], "properties": {"nodes": {"type": "string", "description": "indices, or all", "examples": ["0-15,32", "all"]}, "reason": {"type": "string", "maxLength": 1000}}}}}}
  },
  "responses": {
    "Submitted": {"description": "the jobs, in the order of the file", "content": {"application/json": {"schema": {"type": "object", "properties": {"jobs": {"type": "array", "items": {"type": "object", "properties": {"id": {"type": "integer"}, "name": {"type": "string"}}}}, "notes": {"type": "array", "items": {"type": "string"}, "description": "what the author should know of a file that has no mistake"}}}}}},
    "Changed": {"description": "whether anything had to change", "content": {"application/json": {"schema": {"type": "object", "properties": {"changed": {"type": "boolean"}}}}}},
    "Error": {"description": "what is wrong and what to do", "content": {"application/json": {"schema": {"type": "object", "properties": {"error": {"type": "object", "properties": {"code": {"enum": ["invalid", "not_found", "conflict", "unavailable", "superseded", "internal", "unauthorized"]}, "message": {"type": "string"}}}}}}}}
  },
  "schemas": {
    "State": {"enum": ["pending", "starting", "running", "recovering", "succeeded", "failed", "cancelled"]},
    "Job": {"type": "object", "properties": {
      "id": {"type": "integer"}, "name": {"type": "string"}, "kind": {"enum": ["task", "data", "train", "serve"]},
      "state": {"$ref": "#/components/schemas/State"}, "reason": {"type": "string"},
      "cancelling": {"type": "boolean", "description": "its end was asked for and is under way"},
      "attempts": {"type": "integer", "description": "made so far, over all tasks"},
      "pool": {"type": ["string", "null"], "description": "of the newest attempt"},
      "pools": {"type": "array", "items": {"type": "string"}},
      "progress": {"type": "object", "description": "of its tasks", "properties": {"done": {"type": "integer"}, "running": {"type": "integer"}, "total": {"type": "integer"}}},
      "steps": {"$ref": "#/components/schemas/Steps", "description": "of a job with one task, by the newest attempt that has said how far it is; each entry of attempt_list has its own"},
      "cost_usd": {"type": "string", "description": "six digits after the point"},
      "endpoints": {"type": "array", "items": {"type": "string"}}}},
    "Steps": {"type": ["object", "null"], "description": "how far the work says that it is", "properties": {
      "done": {"type": "integer"}, "total": {"type": ["integer", "null"]},
      "percent": {"type": ["integer", "null"], "minimum": 0, "maximum": 100},
      "at": {"type": "string", "format": "date-time", "description": "when it was so far"},
      "ends_at": {"type": ["string", "null"], "format": "date-time", "description": "when it is probably done; null while that cannot be said"},
      "left_seconds": {"type": ["number", "null"], "description": "from now until then"},
      "metrics": {"type": "object", "additionalProperties": {"type": "string"}, "description": "in its own words"}}}
  }
}
}
)json";
  return text;
}

}  // namespace mohona
