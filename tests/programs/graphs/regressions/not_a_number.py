# What is no number was found to differ from itself.
def graph_not_a_number():
    n = [float("nan"), complex(float("nan"), -0.0), {"a": float("nan")}]
    return n


GRAPHS.append(graph_not_a_number())
