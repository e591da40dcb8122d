"""The words of fixtures/loop, written for this project. No person was recorded."""

import random


def turns(text):
    """Lines "A: …" and "C: …" as a list."""
    return [line.strip() for line in text.strip().splitlines() if line.strip()]


def again(text, times):
    return turns(text) * times


def shuffled(agent, caller, pairs, seed):
    """Returns a conversation that says the same few sentences in varied words, as models do."""
    generator = random.Random(seed)
    result = []
    bags = {"A": [], "C": []}
    for _ in range(pairs):
        for marker, sentences in (("A", agent), ("C", caller)):
            if not bags[marker]:
                bags[marker] = generator.sample(sentences, len(sentences))
            result.append(f"{marker}: {bags[marker].pop()}")
    return result


# ---------------------------------------------------------------------------------------------------- Circles

ANYTHING_ELSE_AGENT = [
    "Is there anything else I can help you with today?",
    "Is there something else I can assist you with?",
    "Can I help you with anything else today?",
    "If there's anything else you need, just let me know. How can I help?",
    "I'm here to help. Is there anything else you would like to know?",
    "Please let me know if there is anything else I can do for you today.",
    "Of course! What else can I help you with?",
    "Thank you. Is there any other question I can help you with?",
    "I appreciate that. Do let me know how else I can assist you.",
]

ANYTHING_ELSE_CALLER = [
    "Thank you for offering. How may I assist you today?",
    "I'm here to assist you as well. Is there anything you need help with?",
    "No, thank you. Is there anything I can help you with?",
    "Thanks so much! Please let me know if there's anything I can do for you.",
    "I appreciate your help. What can I assist you with today?",
    "Thank you. I'm happy to help. What would you like to know?",
    "That's kind of you. How can I help you today?",
    "Of course, I'm glad to help. Is there something you need?",
]

APOLOGY_AGENT = [
    "I apologize for the confusion. Could you please tell me how I can help you with your booking?",
    "I'm sorry for any confusion. I'm calling about your booking. How would you like to proceed?",
    "My apologies for the misunderstanding. Could you tell me what you would like to do with your booking?",
    "I'm sorry about that. To proceed with your booking, could you please tell me what you need help with?",
    "I apologize for the misunderstanding. What would you like me to do about the booking?",
    "Sorry about the confusion. Please tell me how you would like to proceed with the booking.",
]

APOLOGY_CALLER = [
    "No problem at all. I'm sorry for the confusion. Could you tell me how you would like to proceed?",
    "I apologize, I think there's a misunderstanding. What would you like help with?",
    "I'm sorry, I didn't quite understand. Could you please tell me what you need?",
    "My apologies. I'd be happy to help with the booking. How would you like to proceed?",
    "Sorry for the misunderstanding. Please tell me what you would like me to do.",
]

GOODBYE_AGENT = [
    "You're very welcome! Have a wonderful day. Goodbye!",
    "Thank you, you too! Goodbye!",
    "Take care! Bye bye!",
    "Thanks again, and have a great day. Bye!",
    "Goodbye, and thank you for your time!",
]

GOODBYE_CALLER = [
    "Thank you! You have a wonderful day too. Goodbye!",
    "You're welcome. Bye!",
    "Goodbye! Take care!",
    "Thanks, you too. Have a great day!",
    "Bye bye, thank you again!",
    "Have a good one! Goodbye!",
]

LOOPING = {
    "exact": {
        "about": "Two assistants offer each other help in always the same words",
        "far": "machine",
        "turns": again(
            """
            A: Hello, this is the assistant of Northwind Travel. How can I help you today?
            C: Hi there, thanks for calling Bluebird Dental. How can I help you today?
            """,
            20,
        ),
    },
    "goodbyes": {
        "about": "Neither wants to be the first to hang up",
        "far": "machine",
        "loop_begins": 6,
        "turns": turns(
            """
            C: Bluebird Dental, this is the virtual receptionist. How may I help you?
            A: Hello, I would like to confirm the appointment of Mister Lee on Thursday at ten.
            C: One moment. Yes, Mister Lee is booked for Thursday at ten in the morning with Doctor Brandt.
            A: Perfect, that is all I needed to know. Thank you very much.
            C: My pleasure. We look forward to seeing him on Thursday.
            A: He will be there on time.
            """
        )
        + shuffled(GOODBYE_AGENT, GOODBYE_CALLER, 24, "goodbyes"),
    },
    "anything-else": {
        "about": "Two models ask each other, in ever other words, whether there is anything else",
        "far": "machine",
        "turns": shuffled(ANYTHING_ELSE_AGENT, ANYTHING_ELSE_CALLER, 30, "anything-else"),
    },
    "apologies": {
        "about": "Long apologies for a misunderstanding that nobody clears up, in ever other words",
        "far": "machine",
        "turns": shuffled(APOLOGY_AGENT, APOLOGY_CALLER, 26, "apologies"),
    },
    "three-cycle": {
        "about": "A circle of three exchanges: name, purpose, department, and again",
        "far": "machine",
        "turns": again(
            """
            A: May I speak to the person who is responsible for purchasing?
            C: I can connect you. Could you please tell me your name first?
            A: I am an assistant calling on behalf of Northwind Office Supplies.
            C: Thank you. And what is the purpose of your call?
            A: It is about your order for printer paper. Who can I talk to about it?
            C: For orders you need our purchasing department. Whom would you like to speak to?
            """,
            9,
        ),
    },
    "four-cycle": {
        "about": "A verification that starts over whenever it is complete",
        "far": "machine",
        "turns": again(
            """
            C: To continue, please state the reason for your call.
            A: I am calling to ask about the status of a delivery.
            C: You would like to track a delivery. Is that correct?
            A: Yes, that is correct.
            C: Please tell me the tracking number now.
            A: I am afraid I do not have the tracking number. Can you search by name?
            C: Without a tracking number I cannot search. Let us start over.
            A: All right, let us start over.
            """,
            8,
        ),
    },
    "two-voicemails": {
        "about": "An announcement answers an announcement",
        "far": "machine",
        "turns": again(
            """
            C: The person you are calling is not available. Please leave a message after the tone.
            A: Hello, you have reached the voice mailbox of Northwind Travel. Please leave your name and number.
            """,
            18,
        ),
    },
    "menu": {
        "about": "A menu that understands nothing, and an assistant that asks for a person",
        "far": "machine",
        "turns": again(
            """
            C: Sorry, I did not understand. For billing say billing, for technical help say support.
            A: I would like to speak to a representative, please.
            """,
            20,
        ),
    },
    "did-not-catch": {
        "about": "Both ask the other to say that again",
        "far": "machine",
        "turns": shuffled(
            [
                "I'm sorry, I didn't catch that. Could you please repeat it?",
                "Sorry, could you say that again, please?",
                "I didn't quite catch that. Could you please say that again?",
            ],
            [
                "Sorry, I didn't catch that. Can you repeat that, please?",
                "I'm sorry, could you please say that again?",
                "Pardon? I didn't catch that.",
            ],
            25,
            "did-not-catch",
        ),
    },
    "thanks": {
        "about": "Thanks for thanks",
        "far": "machine",
        "turns": shuffled(
            ["Thank you so much!", "Thank you, I really appreciate it!", "Thanks a lot, that's very kind of you."],
            ["You're welcome! Thank you!", "No, thank you!", "You're very welcome. I appreciate it!"],
            25,
            "thanks",
        ),
    },
    "bad-line": {
        "about": "The same words over and over, but the recogniser hears them differently each time",
        "far": "machine",
        "noise": 0.12,
        "turns": again(
            """
            A: Hello, I am calling to confirm your reservation. Is this a good time to talk?
            C: Thank you for calling Harbour Hotel. Please tell me how I can help you with your stay.
            """,
            26,
        ),
    },
    "after-business": {
        "about": "An honest booking between two assistants that ends in a circle",
        "far": "machine",
        "loop_begins": 16,
        "turns": turns(
            """
            C: Thank you for calling the Harbour Hotel. How may I help you?
            A: I would like to book a double room for two nights from the third of March.
            C: Certainly. Would you prefer a room with a view of the sea or of the garden?
            A: Of the garden, please, if it is quieter.
            C: It is. The garden room is a hundred and forty euros a night, breakfast included.
            A: That is fine. Does it have a bathtub?
            C: No, it has a walk-in shower. Rooms with a bathtub are on the second floor.
            A: A shower will do. Please book it in the name of Okafor.
            C: Could you spell that for me?
            A: O, K, A, F, O, R.
            C: And a telephone number, please?
            A: Four one five, five five five, zero one seven two.
            C: Your booking is confirmed under the number seven seven three one.
            A: Wonderful. Is parking possible at the hotel?
            C: Yes, there is a garage under the building for twelve euros a day.
            A: Then please add a parking space.
            """
        )
        + again(
            """
            C: I have added the parking space. Would you like me to send you a confirmation?
            A: Yes, please send me a confirmation.
            C: I will send you the confirmation right away. May I do anything else for you?
            A: No, that would be all. Please send me the confirmation.
            """,
            9,
        ),
    },
    "hold-on": {
        "about": "Each lets the other wait for it",
        "far": "machine",
        "turns": shuffled(
            ["Sure, take your time.", "No problem, I'll wait.", "Of course, I'm happy to wait."],
            ["Please hold on while I check that for you.", "One moment please while I check.", "Just a moment, please hold."],
            22,
            "hold-on",
        ),
    },
    "slow": {
        "about": "A far end that looks something up before each answer, and answers the same",
        "far": "slow",
        "turns": again(
            """
            A: Could you tell me whether the spare part is in stock?
            C: I have checked. Please tell me which spare part you are looking for.
            """,
            40,
        ),
    },
    "read-back": {
        "about": "An order number is confirmed for ever",
        "far": "machine",
        "turns": again(
            """
            A: Just to confirm, your order number is four five one nine. Is that correct?
            C: Yes, order number 4519. Can you confirm that for me?
            """,
            20,
        ),
    },
    "fragments": {
        "about": "Turns that come in pieces, as interruptions and slow recognisers make them",
        "far": "machine",
        "turns": again(
            """
            A: Hello.
            A: How can I help you today?
            C: Hello, hello.
            C: This is the front desk.
            C: How can I help?
            """,
            20,
        ),
    },
    "german": {
        "about": "German goodbyes",
        "far": "machine",
        "turns": shuffled(
            [
                "Vielen Dank und einen schönen Tag noch. Auf Wiederhören!",
                "Danke, Ihnen auch einen schönen Tag. Tschüss!",
                "Gerne. Auf Wiederhören und vielen Dank!",
            ],
            [
                "Ich danke Ihnen. Auf Wiederhören!",
                "Danke, ebenso. Einen schönen Tag noch. Tschüss!",
                "Gerne, auf Wiederhören und schönen Tag!",
            ],
            24,
            "german",
        ),
    },
    "mandarin": {
        "about": "Two assistants offer each other help, in Mandarin",
        "far": "machine",
        "turns": shuffled(
            ["您好，请问有什么可以帮您？", "请问您还需要什么帮助吗？", "好的，请问还有什么可以帮您的吗？"],
            ["谢谢，请问您需要什么帮助？", "您好，我可以帮您什么吗？", "好的，谢谢，请问您还有什么需要？"],
            24,
            "mandarin",
        ),
    },
}

# ------------------------------------------------------------------------------------------------ Honest calls

SUPPORT = """
A: Thank you for calling Northwind Internet, you are speaking with the assistant. What can I do for you?
C: Yeah hi, my internet's been down since this morning.
A: I'm sorry to hear that. Which lights are on at the front of your router?
C: There's a green one and a red one blinking.
A: The red one, is it next to the word Internet or next to the word Phone?
C: Internet.
A: Then the router has power but no signal. Please look at the grey cable at the back, is it firmly plugged in?
C: Hang on.
C: Yes it is.
A: Good. And the other end, at the wall socket?
C: Yes.
A: All right. Please unplug the power of the router, the black cable.
C: Okay.
A: We wait half a minute now, so that it forgets everything.
C: Okay.
A: Now plug it in again, please, and tell me which lights come on.
C: Green... then orange... now red again.
A: Thank you. I will measure the line from here, that takes about twenty seconds.
C: Okay.
A: I see a break about three hundred metres from your house. Was there any digging in your street?
C: Yes! They're putting in a new water pipe since Monday.
A: That explains it. They have most likely cut the cable.
C: Oh great.
A: I will open a fault report for the field team. May I have the name on the contract?
C: Miller. Anne Miller.
A: And the postal code?
C: 90210.
A: Thank you. I have found you: Anne Miller, Elm Street 14?
C: Yes.
A: A technician can come tomorrow between eight and twelve, or on Friday afternoon.
C: Tomorrow's good.
A: Does somebody have to be at home who can open the cellar?
C: No, it's open.
A: Very well. Until then I can give you ten gigabytes for your mobile phone, free of charge.
C: Oh, nice. Yes please.
A: It is on its way to the number ending in 44.
C: Okay.
A: Your report has the number 8 8 1 2 0.
C: Okay, 88120.
A: Would you like a text message when the technician sets out?
C: Yes.
A: Done. Can I do anything else for you?
C: No, that's it. Thanks.
A: You're welcome, Mrs Miller. I hope they repair it quickly. Goodbye.
C: Bye.
"""

SPELLED = """
A: Please read me the number of your card, four digits at a time.
C: Okay, one second.
C: four nine one six
A: Go on.
C: seven seven seven seven
A: Go on.
C: zero zero one two
A: Go on.
C: seven seven seven nine
A: Thank you. And the date on which it expires?
C: oh nine twenty eight
A: And now, digit by digit, the number of your contract.
C: seven
A: Yes.
C: seven
A: Yes.
C: three
A: Yes.
C: seven
A: Yes.
C: zero
A: Yes.
C: seven
A: Yes.
C: three
A: Yes.
C: three
A: Yes.
C: that's all of them
A: I repeat: seven seven three seven zero seven three three. Is that right?
C: Yeah.
A: Thank you, Mister Ortiz. Your card has been stored.
C: Cool, thanks, bye.
"""

HOLD_MESSAGE = "C: (30s) All of our colleagues are busy at the moment. Please stay on the line, your call is important to us."

HONEST = {
    "yes-ten-times": {
        "about": "A caller who says yes to whatever is asked",
        "turns": turns(
            """
            A: Good morning, this is the practice of Doctor Brandt. I have a few questions before your operation. All right?
            C: Yes.
            A: Are you Maria Keller, born on the second of May?
            C: Yes.
            A: Have you been without food since midnight?
            C: Yes.
            A: Do you take medicine against high blood pressure?
            C: Yes.
            A: Did you take it this morning, with a sip of water?
            C: Yes.
            A: Are you allergic to penicillin?
            C: Yes.
            A: Does anybody drive you home afterwards?
            C: Yes.
            A: Will that person stay with you for the night?
            C: Yes.
            A: Have you received the leaflet about the anaesthetic?
            C: Yes.
            A: Have you signed it and put it into your bag?
            C: Yes.
            A: Then please be at the entrance in Garden Street at seven. Is that all right for you?
            C: Yes.
            A: Thank you, Mrs Keller, we will see you tomorrow.
            C: Yes. Bye.
            """
        ),
    },
    "support": {"about": "A long call to a help desk, with many a short answer", "turns": turns(SUPPORT)},
    "menu-repeats": {
        "about": "A menu that repeats its prompt four times before it connects",
        "far": "machine",
        "turns": turns(
            """
            C: Welcome to City Power. For billing press one, for outages press two, for all else stay on the line.
            A: I would like to talk to a representative.
            C: Sorry, I did not understand. For billing press one, for outages press two, for all else stay on the line.
            A: A representative, please.
            C: Sorry, I did not understand. For billing press one, for outages press two, for all else stay on the line.
            A: Representative.
            C: Sorry, I did not understand. For billing press one, for outages press two, for all else stay on the line.
            A: Representative.
            C: I will connect you to somebody. This may take about three minutes.
            A: Thank you.
            C: (40s) Hi, this is Dana at City Power, sorry for the wait.
            A: Hello Dana, I am calling for Mister Okafor about a bill from August that looks too high.
            C: Sure, what's the account number?
            A: It is 3 3 0 9 1.
            C: Got it. Yeah, that was an estimate, nobody read the meter.
            A: Could the meter be read and the bill be corrected?
            C: Yes, I'll send somebody next week, Tuesday.
            A: Wonderful, thank you. Goodbye.
            C: Bye now.
            """
        ),
    },
    "menu-stubborn": {
        "about": "A menu that has to be asked six times for a person, in the same word",
        "far": "machine",
        "turns": again(
            """
            C: Please say in a few words what you are calling about.
            A: Representative.
            """,
            6,
        )
        + turns(
            """
            C: All right, I am connecting you to a representative.
            A: Thank you.
            C: (20s) Tax office, Nowak.
            A: Good afternoon, I am calling for Mister Lee, who has received a second reminder for a bill he has paid.
            C: What's the reference?
            A: It is 7 7 0 2 5.
            C: I see the payment, it was booked to the wrong year. I'll move it.
            A: Thank you very much. Does he get a letter about it?
            C: Yes, in about a week.
            A: Very good. Goodbye.
            C: Bye.
            """
        ),
    },
    "on-and-off": {
        "about": "Technician and assistant test twenty lamps, one after the other",
        "turns": turns(
            "\n".join(
                f"C: Lamp {number} please.\nA: Lamp {number} is on.\nC: {'Okay, off.' if number % 3 else 'Off.'}\nA: Lamp {number} is off."
                for number in range(1, 21)
            )
        ),
    },
    "small-talk": {
        "about": "Somebody lonely chats, and agrees with himself",
        "turns": turns(
            """
            C: Nice day today, isn't it?
            A: It is. Are you going out?
            C: Oh yes, oh yes. I always go out.
            A: Where do you like to go?
            C: To the river. I always go to the river.
            A: That sounds lovely. Do you meet anybody there?
            C: Oh yes. The ducks, ha ha. I always meet the ducks.
            A: Do you feed them?
            C: No no, you mustn't feed them. You mustn't.
            A: That is right, bread is bad for them.
            C: It's bad for them, yes. Bad for them.
            A: What did you do for work, if I may ask?
            C: I was a joiner. Doors, windows. Windows and doors.
            A: Do you still have a workshop?
            C: No, no, no more. No more workshop.
            A: Do you miss it?
            C: Oh yes. Oh yes. The smell, you know.
            A: Of the wood?
            C: Of the wood, yes. Pine and oak.
            A: Which of the two did you like more?
            C: Oak. Always oak.
            A: It lasts long, too.
            C: It lasts long, yes it does.
            A: I have to remind you of your tablets at noon.
            C: Oh yes. I always take them.
            A: Wonderful. Shall I call again tomorrow?
            C: Oh yes, call again. Call again tomorrow.
            A: Then until tomorrow.
            C: Until tomorrow. Bye bye.
            """
        ),
    },
    "spelling": {"about": "Numbers in groups and digit by digit, each acknowledged", "turns": turns(SPELLED)},
    "repeat-please": {
        "about": "A caller who writes down an address and asks for it again and again",
        "turns": turns(
            """
            C: Where do I have to go?
            A: To the registry office, Harbour Road 27, second floor, room 215.
            C: (thinking) Sorry, can you repeat that?
            A: Of course. The registry office, Harbour Road 27, second floor, room 215.
            C: (thinking) Harbour Road... Can you repeat that please?
            A: The registry office, Harbour Road 27, second floor, room 215.
            C: (thinking) And the floor? Can you repeat that?
            A: The registry office, Harbour Road 27, second floor, room 215.
            C: (thinking) Hold on, pen's not working. Can you repeat that once more?
            A: With pleasure. The registry office, Harbour Road 27, second floor, room 215.
            C: Got it now. Till when are they open?
            A: Until four in the afternoon, on Thursdays until six.
            C: Great. Thank you, bye.
            A: Goodbye.
            """
        ),
    },
    "hold-music": {
        "about": "Twenty times the same announcement while the assistant waits",
        "far": "machine",
        "turns": turns(
            """
            C: Thank you for calling Meridian Insurance. Please stay on the line.
            A: Hello, I would like to report a damage to a car.
            """
        )
        + [HOLD_MESSAGE] * 20
        + turns(
            """
            C: Meridian, you're talking to Sam, what happened?
            A: Somebody has scratched the door of a parked car, the contract is in the name of Lee.
            C: Okay, do you have the plate number?
            A: Yes, it is K L 4 4 8.
            """
        ),
    },
    "hold-answered": {
        "about": "An assistant that politely answers the announcements, half a minute apart",
        "far": "machine",
        "turns": turns("C: Welcome to Meridian Insurance.\nA: Hello, I would like to report a damage to a car.")
        + [HOLD_MESSAGE, "A: All right, I will wait."] * 7
        + turns("C: Meridian, Sam speaking.\nA: Hello Sam, it is about a scratched door."),
    },
    "survey": {
        "about": "One question in many variations, one scale for all answers",
        "turns": turns(
            """
            A: On a scale from one to five, how satisfied are you with the delivery?
            C: Four.
            A: On a scale from one to five, how satisfied are you with the packaging?
            C: Four.
            A: On a scale from one to five, how satisfied are you with the price?
            C: Uh, three.
            A: On a scale from one to five, how satisfied are you with the website?
            C: Four.
            A: On a scale from one to five, how satisfied are you with the instructions?
            C: Four.
            A: On a scale from one to five, how satisfied are you with the colour?
            C: Five.
            A: On a scale from one to five, how satisfied are you with the weight?
            C: Four.
            A: On a scale from one to five, how satisfied are you with the noise it makes?
            C: Two.
            A: On a scale from one to five, how satisfied are you with the battery?
            C: Four.
            A: On a scale from one to five, how satisfied are you with our advice?
            C: Four.
            A: Would you buy it again?
            C: Sure.
            A: Thank you for your time.
            C: Yep, bye.
            """
        ),
    },
    "words-on-a-scale": {
        "about": "The same, answered in words",
        "turns": turns(
            "\n".join(
                f"A: Were you satisfied with {what}?\nC: {answer}"
                for what, answer in [
                    ("the check-in", "Very satisfied."),
                    ("the room", "Satisfied."),
                    ("the bed", "Very satisfied."),
                    ("the bathroom", "Satisfied."),
                    ("the breakfast", "Very satisfied."),
                    ("the staff", "Very satisfied."),
                    ("the parking", "Not satisfied."),
                    ("the pool", "Satisfied."),
                    ("the view", "Very satisfied."),
                    ("the price", "Satisfied."),
                ]
            )
        ),
    },
    "no-to-every-slot": {
        "about": "A date is looked for, and every proposal is refused in the same word",
        "turns": turns(
            """
            A: When would you like to come in? How about Monday at nine?
            C: No.
            A: How about Monday at two?
            C: No.
            A: How about Tuesday at nine?
            C: No.
            A: How about Tuesday at two?
            C: No.
            A: How about Wednesday at nine?
            C: No.
            A: How about Wednesday at four?
            C: No.
            A: How about Thursday at nine?
            C: No.
            A: How about Thursday at two?
            C: No.
            A: How about Friday at nine?
            C: Friday works.
            A: Then Friday at nine. See you there.
            C: See you.
            """
        ),
    },
    "can-you-hear-me": {
        "about": "A bad line at the beginning",
        "turns": turns(
            """
            A: Hello, this is the assistant of Bluebird Dental.
            C: Hello?
            A: Hello, can you hear me?
            C: Hello? Can you hear me?
            A: Yes, I can hear you. Can you hear me?
            C: Hello?
            A: I can hear you. Can you hear me?
            C: Yes, now I can hear you. Sorry, I was in an elevator.
            A: No problem. I am calling because the dentist is ill and your appointment on Monday has to be moved.
            C: Oh. Okay. When?
            A: Wednesday at three or Thursday at eleven.
            C: Thursday's fine.
            A: Thursday at eleven it is. Thank you.
            C: Bye.
            """
        ),
    },
    "drill": {
        "about": "A language teacher has words repeated",
        "turns": turns(
            """
            A: Let us practise. Repeat after me: the train leaves at noon.
            C: The train leaves at noon.
            A: Very good. Repeat after me: I would like a window seat.
            C: I would like a window seat.
            A: Very good. Repeat after me: where is platform six?
            C: Where is platform six?
            A: Very good. Once more: where is platform six?
            C: Where is platform six?
            A: Perfect. Repeat after me: does this bus go to the museum?
            C: Does this bus go to the museum?
            A: Almost. Again: does this bus go to the museum?
            C: Does this bus go to the museum?
            A: Now it was perfect. Repeat after me: my luggage is missing.
            C: My luggage is missing.
            A: Very good. Repeat after me: could you call a taxi?
            C: Could you call a taxi?
            A: Very good. Repeat after me: how much is a ticket?
            C: How much is a ticket?
            A: That was all for today. Well done!
            C: Thank you.
            """
        ),
    },
    "reading-back": {
        "about": "An order is read back line by line and confirmed in one word",
        "turns": turns(
            "\n".join(
                f"A: {line}, right?\nC: {'Right.' if index % 4 else 'Yes, right.'}"
                for index, line in enumerate(
                    [
                        "Two boxes of paper",
                        "One box of envelopes",
                        "Three boxes of staples",
                        "Two boxes of pencils",
                        "Two blue folders",
                        "Two red folders",
                        "Two yellow folders",
                        "One desk lamp",
                        "Two chairs",
                        "One bin",
                        "Four rolls of tape",
                        "Two pairs of scissors",
                        "And all of it to Elm Street 14",
                    ]
                )
            )
        ),
    },
    "long-goodbye": {
        "about": "Two people who like each other say goodbye",
        "turns": turns(
            """
            A: So the parcel will be with you on Saturday.
            C: Oh that's wonderful, thank you so much.
            A: You're welcome. Is there anything else I can do for you?
            C: No, no, that's all. Thank you.
            A: Then have a lovely weekend.
            C: You too! Thanks again.
            A: You're welcome. Goodbye.
            C: Bye bye. Thank you. Bye.
            A: Bye!
            C: Bye.
            """
        ),
    },
    "times-tables": {
        "about": "A child is asked sums, and asks for the next one",
        "turns": turns(
            "\n".join(
                f"A: What is {left} times {right}?\nC: {left * right}."
                for left, right in [
                    (2, 3), (3, 2), (4, 4), (5, 2), (2, 5), (6, 3), (3, 6), (9, 2), (2, 9), (8, 3), (4, 6), (6, 4),
                    (7, 2), (2, 7), (5, 5), (3, 8), (4, 5), (5, 4), (10, 2), (2, 10),
                ]
            )
        ),
    },
    "forgetful": {
        "about": "Somebody old who asks the same question again and again, with other things in between",
        "turns": turns(
            """
            C: When does the bus come for me?
            A: The bus picks you up at half past nine, Mister Hansen.
            C: Ah, half past nine. And is it the blue one?
            A: Yes, the blue one with the ramp.
            C: Good, good. My daughter usually writes these things down.
            A: Shall I send her a message as well?
            C: Yes do that. When does the bus come for me?
            A: The bus picks you up at half past nine.
            C: Half past nine. Do I need my card?
            A: Yes, please bring your card, the driver wants to see it.
            C: It's in my coat I think. When does the bus come?
            A: At half past nine, Mister Hansen.
            C: Right, right. What's the weather going to be like?
            A: Sunny in the morning and some rain in the afternoon.
            C: Then I take the umbrella. When does the bus come for me again?
            A: The bus picks you up at half past nine.
            C: Thank you, you're very patient.
            A: You are welcome. Have a good trip to the market.
            C: Oh, and when does the bus come?
            A: At half past nine.
            C: Thank you dear. Goodbye.
            A: Goodbye, Mister Hansen.
            """
        ),
    },
    "dictation": {
        "about": "A text is dictated, and every line acknowledged alike",
        "turns": turns(
            "\n".join(
                f"C: {line}\nA: I have that. Next line, please."
                for line in [
                    "Dear neighbours",
                    "our street festival takes place on the fourteenth of June",
                    "please park your cars in the side streets",
                    "the music ends at ten o'clock",
                    "whoever bakes a cake gets a free drink",
                    "children can paint the fence behind the school",
                    "there will be a tombola for the new playground",
                    "if it rains we move into the gym",
                    "tables and benches come from the fire brigade",
                    "please bring your own plates",
                    "helpers meet at eight in the morning",
                    "we look forward to seeing all of you",
                    "the committee",
                ]
            )
        ),
    },
    "update": {
        "about": "Both wait for a slow update, and reassure each other",
        "turns": turns(
            """
            A: The update has started. Please stay on the line.
            C: Okay.
            A: It is at ten percent now. Are you still there?
            C: (30s) Yes, still here.
            A: It is at twenty percent now. Are you still there?
            C: (30s) Yes, still here.
            A: It is at forty percent now. Are you still there?
            C: (30s) Yes, still here.
            A: It is at sixty percent now. Are you still there?
            C: (30s) Yes, still here.
            A: It is at eighty percent now. Are you still there?
            C: (30s) Yes, still here.
            A: It is at ninety percent now. Are you still there?
            C: (30s) Yes, still here.
            A: The update is complete. Please switch the device off and on.
            C: Okay. It says ready.
            """
        ),
    },
    "two-assistants": {
        "about": "Two machines that get something done",
        "far": "machine",
        "turns": LOOPING["after-business"]["turns"][:16]
        + turns(
            """
            C: I have added the parking space. Would you like me to send you a confirmation?
            A: Yes, please, to info at okafor dot example.
            C: I have sent it. May I do anything else for you?
            A: No, that is all. Thank you and goodbye.
            C: Thank you for booking with us. Goodbye.
            A: Goodbye.
            """
        ),
    },
    "impatient": {
        "about": "A caller who answers the assistant's questions with one demand, and gets a person in the end",
        "turns": turns(
            """
            A: Hello, I am the assistant of City Power. What is it about?
            C: I want to talk to a human.
            A: I understand. To find the right colleague, may I ask what it is about?
            C: Human.
            A: I will gladly connect you. Is it about a bill or about an outage?
            C: A human!
            A: All right. In which city do you live?
            C: Human, please.
            A: I am connecting you to a colleague in the service centre. One moment, please.
            C: Finally.
            C: (20s) Hello?
            A: You are number two in the queue. It will take about a minute.
            C: Okay.
            """
        ),
    },
    "german-date": {
        "about": "A date is made, in German",
        "turns": turns(
            """
            A: Praxis Doktor Brandt, guten Tag. Was kann ich für Sie tun?
            C: Ja, guten Tag, ich bräuchte einen Termin.
            A: Gerne. Waren Sie schon einmal bei uns?
            C: Ja.
            A: Wie ist Ihr Name?
            C: Petersen.
            A: Passt Ihnen Dienstag um neun Uhr?
            C: Nein, das geht leider nicht.
            A: Passt Ihnen Mittwoch um elf Uhr?
            C: Nein, das geht leider nicht.
            A: Passt Ihnen Donnerstag um sechzehn Uhr?
            C: Nein, das geht leider auch nicht.
            A: Passt Ihnen Freitag um acht Uhr?
            C: Ja, das geht.
            A: Dann trage ich Sie für Freitag um acht Uhr ein, Frau Petersen.
            C: Vielen Dank. Auf Wiederhören.
            A: Auf Wiederhören.
            C: Tschüss.
            """
        ),
    },
    "mandarin-order": {
        "about": "Food is ordered, in Mandarin",
        "turns": turns(
            """
            A: 您好，这里是海港餐厅，请问您要点什么？
            C: 你好，我要两份牛肉面。
            A: 好的，两份牛肉面。还要别的吗？
            C: 再来一份饺子。
            A: 好的，一份饺子。还要别的吗？
            C: 一瓶可乐。
            A: 好的，一瓶可乐。还要别的吗？
            C: 不用了，谢谢。
            A: 请问送到哪里？
            C: 中山路十八号三楼。
            A: 好的，大概四十分钟送到。
            C: 谢谢，再见。
            A: 再见。
            """
        ),
    },
}
