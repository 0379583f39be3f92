"""The recipe: weighted window sampler, learner and assembled last layer."""
