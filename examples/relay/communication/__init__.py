"""A communication suite: Stalwart composed with Matrix Synapse, LiveKit and STUNner."""
