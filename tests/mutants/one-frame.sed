# publish.c: test.sh:test_publication_frames
# A publication has no frame of its own for the topic.
/^void publish_send/,/^}/ s/at, topic, 1) == 0)/at, 0, 0) == 0)/
