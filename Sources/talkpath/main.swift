print("talkpath")
