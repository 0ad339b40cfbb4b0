"""Drivers of a pendulum that speak the protocol of `lacewing-edge finetune` with one habit each.

habits.py HABIT [LOG [ACTIONS [ONCE]]]: requests are written to LOG as they come; ACTIONS is the limits,
[LOW, HIGH], or the number of torques to choose from; what a habit does once, it does at step ONCE.
"""
import json
import math
import random
import sys
import time

habit = sys.argv[1]
requests = open(sys.argv[2], "w", buffering=1) if len(sys.argv) > 2 else None
actions = json.loads(sys.argv[3]) if len(sys.argv) > 3 else [-2.0, 2.0]
once = int(sys.argv[4]) if len(sys.argv) > 4 else 1300
EPISODE = 50


def say(*what, end="\n"):
    print(*(json.dumps(each) for each in what), sep=end, end=end, flush=True)


discrete = isinstance(actions, int)
spec = {"id": "Robot", "obs_dim": 3, "max_episode_steps": EPISODE}
spec |= {"actions": actions} if discrete else {"act_low": actions[:1], "act_high": actions[1:]}
if habit == "banner":
    print("simlib 1.0 loaded\nready\n", flush=True)
if habit == "extra":
    spec |= {"dt": 0.05, "robot": {"a": 1}}
if habit == "continuing":
    del spec["max_episode_steps"]
if habit == "early":
    # At once, so that it is there before anything is asked.
    say({"spec": spec}, {"obs": [0.0, 1.0, 8.0], "reward": -9.0, "terminated": False, "truncated": False})
elif habit != "silent":
    say({"spec": spec})

heard = 0
steps = t = 0
angle = speed = braked = 0.0
for line in sys.stdin:
    if requests:
        requests.write(line)
    request = json.loads(line)
    heard += 1
    if habit == "log":
        print("[driver] got a request", flush=True)
    if habit == "brace":
        print("{driver} got a request", flush=True)
    if habit == "jsonlog":
        say({"level": "info", "msg": "battery 80 %"})
    if "reset" in request:
        random.seed(request["reset"])
        angle, speed, t, braked = random.uniform(-3, 3), 0.0, 0, 0.0
        say({"obs": [math.cos(angle), math.sin(angle), speed]})
        continue
    action = request["action"][0]
    torque = action - (actions - 1) / 2 if discrete else max(-2, min(2, action))
    steps, t = steps + 1, t + 1
    speed = max(-8, min(8, speed + 0.05 * (15 * math.sin(angle) + 3 * torque)))
    angle += speed * 0.05
    obs = [math.cos(angle), math.sin(angle), speed]
    reward = -((((angle + math.pi) % (2 * math.pi)) - math.pi) ** 2 + 0.1 * speed * speed)
    answer = {"obs": obs, "reward": reward, "terminated": False, "truncated": t >= EPISODE}
    if habit == "twice":
        answer["request"] = heard
    if habit == "teacher" and steps % 2:
        # Of every other step, for the observation before: it brakes.
        answer["teacher"] = [max(-2, min(2, -braked))]
    braked = speed
    if habit in ("endless", "continuing"):
        answer["truncated"] = False
    if habit == "done":
        answer = {"obs": obs, "reward": reward, "done": t >= EPISODE}
    if habit == "intreward":
        answer["reward"] = int(reward)
    if habit == "info":
        answer |= {"info": {"TimeLimit.truncated": True}, "obs": [round(x, 6) for x in obs]}
    if steps == once or habit.startswith("always-") and steps > 20:
        match habit.removeprefix("always-"):
            case "nanobs":
                obs[0] = math.nan
            case "nullobs":
                obs[0] = None
            case "hugeobs":
                obs[2] = 3e38
            case "cut":
                print(json.dumps(answer)[:20], flush=True)
                continue
            case "garbled":
                print(json.dumps(answer).replace(", ", ", #", 1), flush=True)
                continue
            case "twice":
                say(answer)
            case "shortobs":
                answer["obs"] = obs[:2]
            case "textobs":
                obs[1] = "1.0"
            case "nullend":
                answer["terminated"] = None
            case "intend":
                answer["truncated"] = 0
            case "bigreward":
                answer["reward"] = 1e300
            case "nanreward":
                answer["reward"] = math.nan
            case "crash":
                sys.exit(3)
            case "error":
                answer = {"error": "motor 3 over temperature"}
            case "hang":
                time.sleep(1000)
    say(answer, end="\r\n" if habit == "crlf" else "\n")
