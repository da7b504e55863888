//! Plan, journal and engine: from NodeSpec to installed server.
